#!/bin/sh
# Brings what the chart is tried with into the folder that is named: Helm, built by Go; kubernetes-validate, which has
# Kubernetes' schemas; and the kinds of KEDA and of the Prometheus operator. `--server`: a Kubernetes API server, too.
#
#   deploy/helm/tools.sh .venv/chart [--server]
#
# It builds once; a folder that has the programs is left alone. HELM_TOOLS_PYTHON names the Python for kubernetes-validate.
set -eu

helm=v3.22.0
kubernetes=36.3      # 1.36.3; its libraries have the versions 0.36.3
keda=v2.21.0
prometheus_operator=v0.85.0

folder=${1:?the folder for the programs}
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$folder/bin"
folder=$(cd "$folder" && pwd)

need_go() {
    command -v go >/dev/null || { echo "There is no go, which brings $1: install Go 1.26 or newer." >&2; exit 1; }
}

# Where a Go module is unpacked.
dir() {
    (cd / && go mod download -json "$1") | sed -n 's/^[[:space:]]*"Dir": "\([^"]*\)".*/\1/p'
}

if [ ! -x "$folder/bin/helm" ]; then
    need_go helm
    echo "Building helm $helm (about four minutes of a processor)"
    # What Helm takes for Kubernetes' version where it asks no server.
    version=helm.sh/helm/v3/pkg/chartutil
    GOBIN="$folder/bin" go install -trimpath \
        -ldflags "-s -w -X $version.k8sVersionMajor=1 -X $version.k8sVersionMinor=${kubernetes%.*}" \
        "helm.sh/helm/v3/cmd/helm@$helm"
fi

if [ ! -x "$folder/bin/kubernetes-validate" ]; then
    "${HELM_TOOLS_PYTHON:-python3}" -m venv "$folder"
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$here/requirements.txt"
fi

if [ ! -d "$folder/crds" ]; then
    need_go "the kinds of KEDA and Prometheus"
    mkdir -p "$folder/crds.new"
    keda=$(dir "github.com/kedacore/keda/v2@$keda")/config/crd/bases
    operator=$(dir "github.com/prometheus-operator/prometheus-operator@$prometheus_operator")/example/prometheus-operator-crd
    cp "$keda/keda.sh_scaledobjects.yaml" "$keda/keda.sh_triggerauthentications.yaml" "$folder/crds.new"
    cp "$operator/monitoring.coreos.com_servicemonitors.yaml" "$operator/monitoring.coreos.com_prometheusrules.yaml" \
        "$folder/crds.new"
    mv "$folder/crds.new" "$folder/crds"
fi

[ "${2:-}" = --server ] || exit 0

if [ ! -x "$folder/bin/kube-apiserver" ]; then
    need_go kube-apiserver
    echo "Building kube-apiserver 1.$kubernetes (about twenty minutes of a processor)"
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    source=$(dir "k8s.io/kubernetes@v1.$kubernetes")
    # Kubernetes' own go.mod takes its libraries from folders beside it, which its module does not have.
    sed -e "s,^module .*,module kubernetes," \
        -e "s,\(k8s\.io/[a-z-]*\) => \./staging/.*,\1 => \1 v0.$kubernetes," "$source/go.mod" > "$work/go.mod"
    cp "$source/go.sum" "$work/go.sum"
    cd "$work"
    go mod edit -require="k8s.io/kubernetes@v1.$kubernetes"
    version=k8s.io/component-base/version
    go build -mod=mod -o "$folder/bin/kube-apiserver" \
        -ldflags "-s -w -X $version.gitVersion=v1.$kubernetes -X $version.gitMajor=1 -X $version.gitMinor=${kubernetes%.*}" \
        k8s.io/kubernetes/cmd/kube-apiserver
fi

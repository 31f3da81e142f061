{{- define "resellflow.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains "resellflow" .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-resellflow" (.Release.Name | trunc 29 | trimSuffix "-") -}}
{{- end -}}
{{- end }}

{{- define "resellflow.tag" -}}
{{- .Values.image.tag | default .Chart.AppVersion -}}
{{- end }}

{{- /* Of one process, (root, component): never changes, so nothing of the version. */ -}}
{{- define "resellflow.selector" -}}
app.kubernetes.io/name: resellflow
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "resellflow.labels" -}}
{{ include "resellflow.selector" . }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end }}

{{- /* A tag as a part of a name. Two tags never become one name. */ -}}
{{- define "resellflow.slug" -}}
{{- $words := regexReplaceAll "[^a-z0-9]+" (lower .) "-" | trunc 16 | trimAll "-" -}}
{{- printf "%s-%s" $words (sha256sum . | trunc 6) | trimPrefix "-" -}}
{{- end }}

{{- /* (root, tag, digest) */ -}}
{{- define "resellflow.image" -}}
{{- printf "%s:%s" .root.Values.image.repository .tag -}}
{{- if .digest }}@{{ .digest }}{{ end -}}
{{- end }}

{{- /* JSON: the versions whose workers run, each a tag and perhaps a digest. The first is the one that is installed. */ -}}
{{- define "resellflow.versions" -}}
{{- $tag := include "resellflow.tag" . -}}
{{- $versions := list (dict "tag" $tag "digest" .Values.image.digest) -}}
{{- range .Values.versioning.keep -}}
{{- if not $.Values.versioning.enabled -}}
{{- fail "versioning.keep: workers without versions can't run beside others; set versioning.enabled=true or leave it empty" -}}
{{- end -}}
{{- if eq .tag $tag -}}
{{- fail (printf "versioning.keep: %s is image.tag itself; name only older versions" .tag) -}}
{{- end -}}
{{- $versions = append $versions (dict "tag" .tag "digest" (.digest | default "")) -}}
{{- end -}}
{{- toJson $versions -}}
{{- end }}

{{- /* (root, role, tag) */ -}}
{{- define "resellflow.worker" -}}
{{- printf "%s-%s" (include "resellflow.fullname" .root) .role -}}
{{- if .root.Values.versioning.enabled }}-{{ include "resellflow.slug" .tag }}{{ end -}}
{{- end }}

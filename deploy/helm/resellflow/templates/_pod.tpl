{{- /* What is alike in all pods: (root, component). Nobody talks to Kubernetes from within. */ -}}
{{- define "resellflow.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: { type: RuntimeDefault }
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .root.Values.nodeSelector }}
nodeSelector: {{ toJson . }}
{{- end }}
{{- with .root.Values.tolerations }}
tolerations: {{ toJson . }}
{{- end }}
{{- with .root.Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{- define "resellflow.container" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
{{- end }}

{{- define "resellflow.spread" -}}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "resellflow.selector" . | nindent 8 }}
{{- end }}

{{- /* Numbers as people write them: 1000000, not 1e+06. */ -}}
{{- define "resellflow.text" -}}
{{- if kindIs "float64" . -}}
{{- if eq (floor .) . }}{{ int64 . }}{{ else }}{{ . }}{{ end -}}
{{- else }}{{ . }}{{ end -}}
{{- end }}

{{- /* Settings of `settings:` and nothing of a secret. */ -}}
{{- define "resellflow.settings" -}}
{{- range $name, $value := .Values.settings }}
- name: {{ $name }}
  value: {{ include "resellflow.text" $value | quote }}
{{- end }}
{{- end }}

{{- /* The variables that Temporal's SDK and its command line read. */ -}}
{{- define "resellflow.temporal" -}}
{{- with .Values.temporal -}}
- { name: TEMPORAL_ADDRESS, value: {{ .address | quote }} }
- { name: TEMPORAL_NAMESPACE, value: {{ .namespace | quote }} }
{{- if .apiKey.secret }}
- name: TEMPORAL_API_KEY
  valueFrom: { secretKeyRef: { name: {{ .apiKey.secret }}, key: {{ .apiKey.key }} } }
{{- end }}
{{- if or .tls.enabled .apiKey.secret }}
- { name: TEMPORAL_TLS, value: "true" }
{{- end }}
{{- if .tls.enabled }}
{{- with .tls.serverName }}
- { name: TEMPORAL_TLS_SERVER_NAME, value: {{ . | quote }} }
{{- end }}
{{- if .tls.authority }}
- { name: TEMPORAL_TLS_SERVER_CA_CERT_PATH, value: /run/secrets/temporal-authority/ca.crt }
{{- end }}
{{- if .tls.client }}
- { name: TEMPORAL_TLS_CLIENT_CERT_PATH, value: /run/secrets/temporal-client/tls.crt }
- { name: TEMPORAL_TLS_CLIENT_KEY_PATH, value: /run/secrets/temporal-client/tls.key }
{{- end }}
{{- end }}
{{- end -}}
{{- end }}

{{- /* JSON: directory → secret that is mounted whole. (root, upstreams, hints, webhooks, temporal) say which. */ -}}
{{- define "resellflow.directories" -}}
{{- $found := dict -}}
{{- $secrets := .root.Values.secrets -}}
{{- range $name := list "upstreams" "hints" "webhooks" -}}
{{- $secret := (get $secrets $name).secret -}}
{{- if and (get $ $name) $secret }}{{ $_ := set $found $name $secret }}{{ end -}}
{{- end -}}
{{- $tls := .root.Values.temporal.tls -}}
{{- if and .temporal $tls.enabled -}}
{{- if $tls.authority }}{{ $_ := set $found "temporal-authority" $tls.authority }}{{ end -}}
{{- if $tls.client }}{{ $_ := set $found "temporal-client" $tls.client }}{{ end -}}
{{- end -}}
{{- toJson $found -}}
{{- end }}

{{- /* YAML: secret → the setting that names its file, and the file's name. */ -}}
{{- define "resellflow.secretFiles" -}}
databaseUrl: { variable: RESELL_DATABASE_URL_FILE, file: database-url }
storefrontTokens: { variable: RESELL_STOREFRONT_TOKENS_FILE, file: storefront-tokens }
operatorTokens: { variable: RESELL_OPERATOR_TOKENS_FILE, file: operator-tokens }
payloadKeys: { variable: RESELL_PAYLOAD_KEY_FILE, file: payload.keys }
webhookKeys: { variable: RESELL_WEBHOOK_KEY_FILE, file: webhook.keys }
oidcClientSecret: { variable: RESELL_OIDC_CLIENT_SECRET_FILE, file: oidc-client-secret }
notifications: { variable: RESELL_NOTIFICATIONS_FILE, file: notifications.toml }
{{- end }}

{{- /* `.files`: which of the secrets this process needs. */ -}}
{{- define "resellflow.files" -}}
{{- $known := include "resellflow.secretFiles" . | fromYaml -}}
{{- range .files }}
{{- if (get $.root.Values.secrets .).secret }}
{{- $file := get $known . }}
- { name: {{ $file.variable }}, value: /run/secrets/resellflow/{{ $file.file }} }
{{- end }}
{{- end }}
{{- end }}

{{- define "resellflow.mounts" -}}
- { name: tmp, mountPath: /tmp }
{{- if .files }}
- { name: secrets, mountPath: /run/secrets/resellflow, readOnly: true }
{{- end }}
{{- range $name, $_ := include "resellflow.directories" . | fromJson }}
- { name: {{ $name }}, mountPath: /run/secrets/{{ $name }}, readOnly: true }
{{- end }}
{{- end }}

{{- define "resellflow.volumes" -}}
- name: tmp
  emptyDir: { sizeLimit: 256Mi }
{{- if .files }}
- name: secrets
  projected:
    defaultMode: 0440
    sources:
      {{- $known := include "resellflow.secretFiles" . | fromYaml }}
      {{- range .files }}
      {{- $secret := get $.root.Values.secrets . }}
      {{- if $secret.secret }}
      - secret: { name: {{ $secret.secret }}, items: [{ key: {{ $secret.key }}, path: {{ (get $known .).file }} }] }
      {{- end }}
      {{- end }}
{{- end }}
{{- range $name, $secret := include "resellflow.directories" . | fromJson }}
- name: {{ $name }}
  secret: { secretName: {{ $secret }}, defaultMode: 0440 }
{{- end }}
{{- end }}

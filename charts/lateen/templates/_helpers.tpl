{{/* The names of the chart's objects begin with this. */}}
{{- define "lateen.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* What selects the operator's pods; never changes. */}}
{{- define "lateen.selectorLabels" -}}
app.kubernetes.io/name: lateen
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/component: operator
{{- end -}}

{{/* What selects the pod of `helm test`. */}}
{{- define "lateen.testLabels" -}}
app.kubernetes.io/name: lateen
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/component: test
{{- end -}}

{{/* Labels of every object of the chart. */}}
{{- define "lateen.labels" -}}
app.kubernetes.io/name: lateen
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: lateen
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "lateen.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "lateen.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* `repository:tag` or `repository@digest`; takes the image's values and the default tag. */}}
{{- define "lateen.image" -}}
{{- $image := index . 0 -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository (default (index . 1) $image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "lateen.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "lateen.containerSecurityContext" -}}
allowPrivilegeEscalation: false
capabilities:
  drop: [ALL]
readOnlyRootFilesystem: true
{{- end -}}

{{/* The operator's configuration: what it reads from its file. */}}
{{- define "lateen.config" -}}
{{- $name := include "lateen.fullname" . -}}
namespace: {{ .Release.Namespace | quote }}
deployment: {{ $name }}
serviceNames:
  xds: {{ $name }}-xds
  peers: {{ $name }}-peers
  webhook: {{ $name }}-webhook
trustDomain: {{ .Values.trustDomain }}
clusterDomain: {{ .Values.clusterDomain }}
rootNamespace: {{ .Values.rootNamespace | quote }}
gateways:
  scope: {{ .Values.gateways.scope }}
  options: {{ toJson .Values.gateways.options }}
proxies:
  image: {{ include "lateen.image" (list .Values.proxies.image .Chart.AppVersion) | quote }}
  {{- toYaml (omit .Values.proxies "image") | nindent 2 }}
status:
  {{- toYaml .Values.status | nindent 2 }}
watch:
  {{- toYaml .Values.watch | nindent 2 }}
ejections:
  {{- toYaml .Values.ejections | nindent 2 }}
webhook:
  enabled: {{ .Values.webhook.enabled }}
  port: {{ int .Values.webhook.port }}
  configuration: {{ $name }}
log:
  {{- toYaml .Values.log | nindent 2 }}
{{- end -}}

{{/* `files/crds/GROUP_PLURAL.yaml` → `PLURAL.GROUP`, the name of the definition in it. */}}
{{- define "lateen.definitionOf" -}}
{{- trimSuffix ".yaml" (base .) | splitList "_" | reverse | join "." -}}
{{- end -}}

{{/* Namespace and name of the release that an object belongs to, `/` between them; empty: to none. */}}
{{- define "lateen.releaseOf" -}}
{{- $annotations := default dict .metadata.annotations -}}
{{- with index $annotations "meta.helm.sh/release-name" -}}
{{- printf "%s/%s" (index $annotations "meta.helm.sh/release-namespace") . -}}
{{- end -}}
{{- end -}}

{{/*
  Whether the chart brings a definition: `true` or `false`. With `auto` it does unless another has brought it, be that
  Istio or somebody by hand. Takes the root and the definition's name.
*/}}
{{- define "lateen.bringsDefinition" -}}
{{- $root := index . 0 -}}
{{- if ne (toString $root.Values.crds.install) "auto" -}}
{{- $root.Values.crds.install -}}
{{- else -}}
{{- $found := lookup "apiextensions.k8s.io/v1" "CustomResourceDefinition" "" (index . 1) -}}
{{- or (empty $found) (eq (include "lateen.releaseOf" (default (dict "metadata" dict) $found)) (printf "%s/%s" $root.Release.Namespace $root.Release.Name)) -}}
{{- end -}}
{{- end -}}

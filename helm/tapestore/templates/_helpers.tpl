{{- define "tapestore.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "tapestore.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains (include "tapestore.name" .) .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "tapestore.name" .) | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "tapestore.selector" -}}
app.kubernetes.io/name: {{ include "tapestore.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: consumer
{{- end }}

{{- define "tapestore.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "tapestore.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: tapestore
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "tapestore.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) }}
{{- end }}
{{- end }}

{{- /* A setting as its variable has it. Helm reads whole numbers as floats, and would print 1e+06. */ -}}
{{- define "tapestore.setting" -}}
{{- if kindIs "slice" . }}
{{- join "," . }}
{{- else if and (kindIs "float64" .) (eq (floor .) .) }}
{{- int64 . }}
{{- else }}
{{- . }}
{{- end }}
{{- end }}

{{- /* What a schema cannot compare. */ -}}
{{- define "tapestore.check" -}}
{{- $settings := .Values.settings }}
{{- $grace := .Values.terminationGracePeriodSeconds }}
{{- $drain := $settings.DRAIN_SECONDS | default 20 }}
{{- if le (float64 $grace) (float64 $drain) }}
{{- fail (printf "terminationGracePeriodSeconds (%v) must be greater than settings.DRAIN_SECONDS (%v)" $grace $drain) }}
{{- end }}
{{- $revoke := $settings.KAFKA_REVOKE_SECONDS | default 20 }}
{{- if and (eq ($settings.SOURCE | default "jetstream") "kafka") (le (float64 $grace) (float64 $revoke)) }}
{{- fail (printf "terminationGracePeriodSeconds (%v) must be greater than settings.KAFKA_REVOKE_SECONDS (%v)" $grace $revoke) }}
{{- end }}
{{- if eq ($settings.STORE | default "local") "local" }}
{{- if not .Values.persistence.existingClaim }}
{{- fail "settings.STORE=local needs persistence.existingClaim: without one the documents end with the pod" }}
{{- end }}
{{- if gt (int .Values.replicaCount) 1 }}
{{- fail "settings.STORE=local has one writer: replicaCount must be 1" }}
{{- end }}
{{- end }}
{{- range $name, $_ := .Values.secretKeys }}
{{- if hasKey $settings $name }}
{{- fail (printf "%s is in settings and in secretKeys: give it once" $name) }}
{{- end }}
{{- end }}
{{- end }}

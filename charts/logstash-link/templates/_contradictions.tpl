{{/* What values.schema.json cannot say: values that contradict each other end the rendering with one sentence. */}}
{{- define "logstash-link.contradictions" -}}
{{- with .Values.leaderElection -}}
{{- if ge (int .renewDeadlineSeconds) (int .leaseDurationSeconds) -}}
{{- fail (printf "Expected leaderElection.renewDeadlineSeconds to be less than leaderElection.leaseDurationSeconds (%d), got %d" (int .leaseDurationSeconds) (int .renewDeadlineSeconds)) -}}
{{- end -}}
{{- /* As the operator itself asks for: a leader has two attempts before it gives up. */ -}}
{{- if gt (mul 2 (int .retryPeriodSeconds)) (int .renewDeadlineSeconds) -}}
{{- fail (printf "Expected leaderElection.retryPeriodSeconds to be at most half of leaderElection.renewDeadlineSeconds (%d), got %d" (int .renewDeadlineSeconds) (int .retryPeriodSeconds)) -}}
{{- end -}}
{{- end -}}
{{- if and (not .Values.serviceAccount.create) (not .Values.serviceAccount.name) -}}
{{- fail "Expected serviceAccount.name where serviceAccount.create is false: the namespace's default ServiceAccount must not get the operator's rights" -}}
{{- end -}}
{{- with .Values.webhook.certificate -}}
{{- if and (not .create) (not .secretName) -}}
{{- fail "Expected webhook.certificate.secretName where webhook.certificate.create is false: the webhook has no identity without it" -}}
{{- end -}}
{{- if and (not .create) .issuerRef.name -}}
{{- fail "Expected webhook.certificate.create to be true where webhook.certificate.issuerRef.name is set: no Certificate is made without it" -}}
{{- end -}}
{{- if ge (int (trimSuffix "h" .renewBefore)) (int (trimSuffix "h" .duration)) -}}
{{- fail (printf "Expected webhook.certificate.renewBefore to be less than webhook.certificate.duration (%s), got %s" .duration .renewBefore) -}}
{{- end -}}
{{- end -}}
{{- if .Values.podDisruptionBudget.enabled -}}
{{- $least := .Values.podDisruptionBudget.minAvailable -}}
{{- $most := .Values.podDisruptionBudget.maxUnavailable -}}
{{- if eq (kindIs "invalid" $least) (kindIs "invalid" $most) -}}
{{- fail "Expected exactly one of podDisruptionBudget.minAvailable and podDisruptionBudget.maxUnavailable (set the other to null)" -}}
{{- end -}}
{{- if and (not (kindIs "invalid" $least)) (ge (int $least) (int .Values.replicas)) -}}
{{- fail (printf "Expected podDisruptionBudget.minAvailable to be less than replicas (%d), else no node could be drained, got %d" (int .Values.replicas) (int $least)) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* True where the API has ValidatingAdmissionPolicies. */}}
{{- define "logstash-link.policies" -}}
{{- if and .Values.policies.enabled (semverCompare ">=1.30.0-0" .Capabilities.KubeVersion.Version) -}}true{{- end -}}
{{- end -}}

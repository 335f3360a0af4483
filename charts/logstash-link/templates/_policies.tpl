{{/*
A policy with its binding. Takes (dict "root" $ "name" SUFFIX "policy" YAML): the rest of the policy's spec.
failurePolicy Fail: what cannot be judged is refused. They bind one service account, or the writers of links, nobody else.
*/}}
{{- define "logstash-link.policy" -}}
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata:
  {{- include "logstash-link.metadata" (dict "root" .root "cluster" true "name" .name "component" "policies") | nindent 2 }}
spec:
  failurePolicy: Fail
  {{- .policy | nindent 2 }}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  {{- include "logstash-link.metadata" (dict "root" .root "cluster" true "name" .name "component" "policies") | nindent 2 }}
spec:
  policyName: {{ include "logstash-link.fullname" .root }}-{{ .name }}
  validationActions: [Deny]
{{- end -}}

{{- define "logstash-link.byOperator" -}}
matchConditions:
  - name: by-the-operator
    expression: request.userInfo.username == {{ include "logstash-link.user" . | quote }}
{{- end -}}

{{/* CEL: the maps A and B are equal but for the keys that SKIP (a CEL condition on `key`) names. dyn: objects are maps
when they are evaluated, though their type says otherwise. */}}
{{- define "logstash-link.sameBut" -}}
dyn({{ .a }}).all(key, {{ .skip }} || (key in dyn({{ .b }}) && dyn({{ .a }})[key] == dyn({{ .b }})[key])) &&
dyn({{ .b }}).all(key, {{ .skip }} || key in dyn({{ .a }}))
{{- end -}}

{{/* CEL: the object VALUE has an owner reference of a LogstashLink. */}}
{{- define "logstash-link.ofALink" -}}
{{ . }}.metadata.?ownerReferences.orValue([]).exists(owner, owner.kind == 'LogstashLink' && owner.apiVersion.startsWith('logstashlink.io/'))
{{- end -}}

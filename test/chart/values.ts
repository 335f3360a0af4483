/** Values with which the chart is rendered, and those that it refuses. */
import type { Values } from './rendering.ts'

/** Title → values, and what the rendering is to hold (kind/name). */
export const combinations: Record<string, { values: Values; has?: string[]; lacks?: string[] }> = {
  'the defaults': {
    values: {},
    has: [
      'CustomResourceDefinition/logstashlinks.logstashlink.io',
      'Deployment/rel-logstash-link',
      'PodDisruptionBudget/rel-logstash-link',
      'Certificate/rel-logstash-link-webhook',
      'Issuer/rel-logstash-link-webhook',
      'MutatingWebhookConfiguration/rel-logstash-link',
      'ValidatingAdmissionPolicy/rel-logstash-link-links',
      'Pod/rel-logstash-link-test',
    ],
    lacks: ['NetworkPolicy', 'ServiceMonitor', 'PrometheusRule', 'ConfigMap'],
  },
  'everything on': {
    values: {
      networkPolicy: {
        enabled: true,
        metricsFrom: [{ namespaceSelector: {} }],
        apiServerTo: [{ ipBlock: { cidr: '192.0.2.0/24' } }],
        dnsTo: [{ namespaceSelector: {} }],
      },
      serviceMonitor: { enabled: true, labels: { release: 'prometheus' } },
      prometheusRule: { enabled: true, alertLabels: { team: 'a' } },
      dashboard: { enabled: true, annotations: { folder: 'Logs' } },
      commonLabels: { team: 'a' },
      commonAnnotations: { contact: 'b' },
      podLabels: { pod: 'label' },
      podAnnotations: { pod: 'annotation' },
      imagePullSecrets: [{ name: 'pull' }],
      priorityClassName: 'system-cluster-critical',
      nodeSelector: { type: 'infra' },
      tolerations: [{ key: 'a', operator: 'Exists' }],
      affinity: { nodeAffinity: {} },
      topologySpreadConstraints: [{ maxSkew: 2 }],
      serviceAccount: { annotations: { role: 'arn' } },
    },
    has: [
      'NetworkPolicy/rel-logstash-link',
      'ServiceMonitor/rel-logstash-link',
      'PrometheusRule/rel-logstash-link',
      'ConfigMap/rel-logstash-link-dashboard',
    ],
  },
  'everything off': {
    values: {
      crds: { install: false },
      rbac: { create: false, aggregate: false },
      serviceAccount: { create: false, name: 'theirs' },
      policies: { enabled: false },
      podDisruptionBudget: { enabled: false },
      webhook: { certificate: { create: false, secretName: 'theirs-tls' } },
    },
    lacks: [
      ...['CustomResourceDefinition', 'ClusterRole', 'Role', 'ClusterRoleBinding', 'RoleBinding'],
      ...['ServiceAccount', 'ValidatingAdmissionPolicy', 'PodDisruptionBudget', 'Certificate'],
      'Issuer',
    ],
  },
  'an issuer of the cluster': {
    values: { webhook: { certificate: { issuerRef: { name: 'ca', kind: 'ClusterIssuer' } } } },
    has: ['Certificate/rel-logstash-link-webhook'],
    lacks: ['Issuer'],
  },
  'one replica': { values: { replicas: 1 }, lacks: ['PodDisruptionBudget'] },
  'a minimum of replicas': {
    values: { replicas: 3, podDisruptionBudget: { minAvailable: 2, maxUnavailable: null } },
    has: ['PodDisruptionBudget/rel-logstash-link'],
  },
  'images of two repositories': {
    values: {
      image: { repository: 'mirror/link', tag: '', digest: `sha256:${'a'.repeat(64)}` },
      sidecar: { image: 'mirror/sidecar:1', imagePullPolicy: 'Always' },
    },
  },
  'resources of sidecars, another domain, no user': {
    values: {
      sidecar: { resources: { requests: { cpu: '10m' }, limits: { memory: '128Mi' } } },
      clusterDomain: 'corp.example',
      runAsUser: null,
      logLevel: 'debug',
    },
  },
  'a long name': {
    values: { fullnameOverride: 'a23456789-b23456789-c23456789-d234567890' },
    has: ['Deployment/a23456789-b23456789-c23456789-d234567890'],
  },
}

/** Title → values, and words of the sentence that refuses them. */
export const refused: Record<string, { values: Values; says: RegExp }> = {
  'an unknown value': { values: { replica: 2 }, says: /replica/ },
  'an unknown value below': {
    values: { webhook: { certificate: { secret: 'a' } } },
    says: /secret/,
  },
  'an unknown value of a list': { values: { imagePullSecrets: [{ nam: 'a' }] }, says: /nam/ },
  'a wrong type': { values: { replicas: '2' }, says: /replicas/ },
  'no replica': { values: { replicas: 0 }, says: /replicas/ },
  'root as user': { values: { runAsUser: 0 }, says: /runAsUser/ },
  'an unknown log level': { values: { logLevel: 'loud' }, says: /logLevel/ },
  'a digest that is none': { values: { image: { digest: 'abc' } }, says: /digest/ },
  'a renewal after the end of the lease': {
    values: { leaderElection: { renewDeadlineSeconds: 15 } },
    says: /renewDeadlineSeconds to be less than leaderElection.leaseDurationSeconds \(15\), got 15/,
  },
  'one retry before the deadline, which the operator refuses': {
    values: { leaderElection: { retryPeriodSeconds: 6 } },
    says: /retryPeriodSeconds to be at most half of leaderElection.renewDeadlineSeconds \(10\), got 6/,
  },
  'a service account of nobody': {
    values: { serviceAccount: { create: false } },
    says: /serviceAccount.name where serviceAccount.create is false/,
  },
  'a webhook without identity': {
    values: { webhook: { certificate: { create: false } } },
    says: /webhook.certificate.secretName where webhook.certificate.create is false/,
  },
  'an issuer for no certificate': {
    values: {
      webhook: { certificate: { create: false, secretName: 'a', issuerRef: { name: 'b' } } },
    },
    says: /webhook.certificate.create to be true where webhook.certificate.issuerRef.name is set/,
  },
  'a renewal before the beginning': {
    values: { webhook: { certificate: { renewBefore: '2160h' } } },
    says: /renewBefore to be less than webhook.certificate.duration \(2160h\), got 2160h/,
  },
  'a budget of two kinds': {
    values: { podDisruptionBudget: { minAvailable: 1 } },
    says: /exactly one of podDisruptionBudget.minAvailable and podDisruptionBudget.maxUnavailable/,
  },
  'a budget that lets no node be drained': {
    values: { podDisruptionBudget: { minAvailable: 2, maxUnavailable: null } },
    says: /minAvailable to be less than replicas \(2\), else no node could be drained, got 2/,
  },
}

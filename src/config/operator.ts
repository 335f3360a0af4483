/** Settings of `logstash-link operator`: flags, and what a pod learns of itself from its environment. */
import { environment } from '../api/names.ts'
import type { OperatorOptions } from '../api/operator-options.ts'
import { objectName, rfc1035Label, serviceName } from '../api/patterns.ts'
import type { LogLevel } from '../api/sidecar-config.ts'
import { type Flags, type FlagTable, parseFlags, show } from './flags.ts'
import type { Environment } from './placement.ts'
import { sidecarResourcesFrom } from './sidecar-resources-flag.ts'
import { choiceFlag, durationFlag, logLevelFlag, portFlag } from './values.ts'

export const operatorFlags = {
  image: { value: 'IMAGE', help: 'image of both sidecars; the only flag without a default' },
  'image-pull-policy': {
    value: 'POLICY',
    help: 'Always, IfNotPresent or Never, for sidecars; default: what Kubernetes takes for the image',
  },
  'sidecar-resources': {
    value: 'JSON',
    help: 'of sidecars whose link says nothing: {"requests": {"cpu": "50m"}, "limits": {…}}',
  },
  'cluster-domain': { value: 'DOMAIN', help: 'domain of the cluster (cluster.local)' },
  kubeconfig: {
    value: 'FILE',
    help: 'how to reach the API server; default: as a pod does, else $KUBECONFIG, else ~/.kube/config',
  },
  namespace: { value: 'NAMESPACE', help: 'in which the operator itself lives ($POD_NAMESPACE)' },
  host: { value: 'ADDRESS', help: 'address of both ports (0.0.0.0)' },
  'health-port': { value: 'PORT', help: '/healthz, /readyz and /metrics (8080)' },
  'webhook-port': { value: 'PORT', help: 'admission of pods, over TLS (9443)' },
  'webhook-service': {
    value: 'NAME',
    help: 'Service, port 443, by which the API server asks (logstash-link-webhook)',
  },
  'webhook-url': {
    value: 'URL',
    help: 'in its place: where the operator is no pod, such as https://127.0.0.1:9443/inject',
  },
  'webhook-configuration': {
    value: 'NAME',
    help: 'MutatingWebhookConfiguration to keep (logstash-link)',
  },
  'webhook-secret': {
    value: 'NAME',
    help: 'Secret with tls.crt, tls.key and ca.crt of the webhook (logstash-link-webhook-tls)',
  },
  lease: { value: 'NAME', help: 'Lease by which one of several operators leads (logstash-link)' },
  'lease-duration': { value: 'TIME', help: 'after which others take over without a sign (15s)' },
  'renew-deadline': { value: 'TIME', help: 'after which a leader without renewal ends (10s)' },
  'retry-period': { value: 'TIME', help: 'between two attempts at the Lease (2s)' },
  'log-level': { value: 'LEVEL', help: 'debug, info, warn or error (info)' },
  help: { help: 'show this' },
} as const satisfies FlagTable

type OperatorFlags = Flags<typeof operatorFlags>

export interface OperatorSettings {
  options: OperatorOptions
  kubeconfig?: string
  namespace: string
  /** Name of the pod, or what stands for one: said of the leader. */
  name: string
  host: string
  healthPort: number
  webhook: {
    port: number
    /** How the API server reaches it; the URL is an origin. */
    address: { service: string } | { url: string }
    configuration: string
    secret: string
  }
  /** Times in ms. */
  lease: { name: string; leaseMs: number; renewMs: number; retryMs: number }
  logLevel: LogLevel
}

/** With any problem the settings mean nothing. */
export function operatorCommand(
  args: readonly string[],
  env: Environment,
): { settings: OperatorSettings; problems: string[] } {
  const flags = parseFlags(args, operatorFlags)
  const { problems } = flags
  const kubeconfig = flags.get('kubeconfig')
  const settings: OperatorSettings = {
    options: optionsFrom(flags, problems),
    ...(kubeconfig === undefined ? {} : { kubeconfig }),
    namespace: namespaceFrom(flags, env, problems),
    name: env[environment.podName] ?? 'operator',
    host: flags.get('host') ?? env[environment.podAddress] ?? '0.0.0.0',
    healthPort: portFlag(flags, 'health-port', 8080, problems),
    webhook: {
      port: portFlag(flags, 'webhook-port', 9443, problems),
      address: addressFrom(flags, problems),
      configuration: nameFlag(flags, 'webhook-configuration', 'logstash-link', problems),
      secret: nameFlag(flags, 'webhook-secret', 'logstash-link-webhook-tls', problems),
    },
    lease: leaseFrom(flags, problems),
    logLevel: logLevelFlag(flags, 'Info', problems),
  }
  if (settings.healthPort === settings.webhook.port && settings.healthPort !== 0) {
    problems.push(
      `Expected \`--health-port\` and \`--webhook-port\` to be two ports, got ${settings.healthPort} for both`,
    )
  }
  return { settings, problems }
}

function optionsFrom(flags: OperatorFlags, problems: string[]): OperatorOptions {
  const image = flags.get('image')
  if (image === undefined) problems.push('Expected `--image`, the image of sidecars, got none')
  const clusterDomain = flags.get('cluster-domain') ?? 'cluster.local'
  if (!isName(clusterDomain)) {
    problems.push(
      `Expected \`--cluster-domain\` to be a domain such as cluster.local, got ${show(clusterDomain)}`,
    )
  }
  const policies = ['Always', 'IfNotPresent', 'Never'] as const
  const imagePullPolicy = flags.has('image-pull-policy')
    ? choiceFlag(flags, 'image-pull-policy', policies, 'IfNotPresent', problems)
    : undefined
  const resources = flags.get('sidecar-resources')
  return {
    image: image ?? '',
    clusterDomain,
    ...(imagePullPolicy === undefined ? {} : { imagePullPolicy }),
    ...(resources === undefined
      ? {}
      : { defaultResources: sidecarResourcesFrom(resources, problems) }),
  }
}

function namespaceFrom(flags: OperatorFlags, env: Environment, problems: string[]): string {
  const namespace = flags.get('namespace') ?? env[environment.podNamespace] ?? ''
  if (namespace === '') {
    problems.push(
      'Expected `--namespace`, or $POD_NAMESPACE, to say where the operator lives, got neither',
    )
  } else if (!/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(namespace)) {
    problems.push(`Expected \`--namespace\` to be the name of a namespace, got ${show(namespace)}`)
  }
  return namespace
}

function addressFrom(
  flags: OperatorFlags,
  problems: string[],
): OperatorSettings['webhook']['address'] {
  const text = flags.get('webhook-url')
  if (text === undefined) {
    const service = flags.get('webhook-service') ?? 'logstash-link-webhook'
    if (!new RegExp(rfc1035Label).test(service) || service.length > serviceName.maxLength) {
      problems.push(
        `Expected \`--webhook-service\` to be the name of a Service, got ${show(service)}`,
      )
    }
    return { service }
  }
  if (flags.has('webhook-service')) {
    problems.push('Expected one of `--webhook-service` and `--webhook-url`, got both')
  }
  const url = URL.parse(text)
  const plain = url !== null && url.username + url.password + url.search + url.hash === ''
  // The API server refuses any other scheme, and nothing else is served than this path.
  if (!plain || url.protocol !== 'https:' || !['/', '/inject'].includes(url.pathname)) {
    problems.push(
      `Expected \`--webhook-url\` to be such as https://127.0.0.1:9443/inject, got ${show(text)}`,
    )
  }
  return { url: url?.origin ?? text }
}

function leaseFrom(flags: OperatorFlags, problems: string[]): OperatorSettings['lease'] {
  const name = nameFlag(flags, 'lease', 'logstash-link', problems)
  const leaseMs = durationFlag(flags, 'lease-duration', 15_000, problems)
  const renewMs = durationFlag(flags, 'renew-deadline', 10_000, problems)
  const retryMs = durationFlag(flags, 'retry-period', 2000, problems)
  if (renewMs >= leaseMs) {
    problems.push(
      `Expected \`--renew-deadline\` to be less than \`--lease-duration\`, else two could lead at once, got ${renewMs} ms and ${leaseMs} ms`,
    )
  }
  if (retryMs * 2 > renewMs) {
    problems.push(
      `Expected \`--retry-period\` to be at most half of \`--renew-deadline\`, got ${retryMs} ms and ${renewMs} ms`,
    )
  }
  return { name, leaseMs, renewMs, retryMs }
}

function nameFlag(
  flags: OperatorFlags,
  name: 'lease' | 'webhook-configuration' | 'webhook-secret',
  fallback: string,
  problems: string[],
): string {
  const text = flags.get(name) ?? fallback
  if (!isName(text)) {
    problems.push(`Expected \`--${name}\` to be the name of an object, got ${show(text)}`)
  }
  return text
}

function isName(text: string): boolean {
  return text.length <= objectName.maxLength && new RegExp(objectName.pattern).test(text)
}

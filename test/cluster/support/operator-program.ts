/** `logstash-link operator` as real processes beside a test cluster, and what the chart would have installed for them. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { KubeObject } from '../../../src/api/objects.ts'
import { makeTestAuthority } from '../../support/certificates.ts'
import { freePorts } from '../../support/free-ports.ts'
import { metric, startProgram, type Program } from '../../support/programs.ts'
import type { TestCluster } from './test-cluster.ts'

export interface OperatorProgram extends Program {
  name: string
  health: string
  webhookPort: number
  log(): OperatorLine[]
  /** Status and checks of /healthz or /readyz. */
  checks(path: '/healthz' | '/readyz'): Promise<{ status: number; checks: Record<string, Told> }>
  metric(name: string): Promise<number>
}

interface Told {
  ok: boolean
  message: string
}

interface OperatorLine {
  time: string
  level: string
  msg: string
  [field: string]: unknown
}

/** Names of one installation; suites that share a cluster have their own. */
export interface Installation {
  namespace: string
  name: string
}

const admission = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations'

/** The webhook configuration, empty, as the chart makes it. */
export async function installConfiguration(
  cluster: Pick<TestCluster, 'api'>,
  { name }: Installation,
): Promise<() => Promise<void>> {
  const { api } = cluster
  await api.object('POST', admission, {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name },
  })
  return async () => {
    await api.object('DELETE', `${admission}/${name}`)
  }
}

/** The webhook's Secret without cert-manager. */
export async function installServingSecret(
  cluster: Pick<TestCluster, 'api'>,
  { namespace, name }: Installation,
): Promise<void> {
  const authority = await makeTestAuthority()
  const { certPem, keyPem } = await authority.leaf()
  const data = { 'tls.crt': certPem, 'tls.key': keyPem, 'ca.crt': authority.caPem }
  const secret: KubeObject = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: `${name}-webhook-tls`, namespace },
    type: 'kubernetes.io/tls',
    stringData: data,
  }
  await cluster.api.object('POST', `/api/v1/namespaces/${namespace}/secrets`, secret)
}

/** Starts one replica. Its log is in the cluster's folder. */
export async function startOperator(
  cluster: Pick<TestCluster, 'kubeconfig' | 'run'>,
  { namespace, name }: Installation,
  replica: string,
  args: string[] = [],
): Promise<OperatorProgram> {
  const [healthPort = 0, webhookPort = 0] = await freePorts(2)
  const program = startProgram(
    replica,
    [
      ...['operator', '--kubeconfig', cluster.kubeconfig, '--namespace', namespace],
      ...['--image', 'registry.local/logstash-link:test', '--host', '127.0.0.1'],
      ...['--health-port', String(healthPort), '--webhook-port', String(webhookPort)],
      ...['--webhook-url', `https://127.0.0.1:${webhookPort}/inject`],
      ...['--webhook-configuration', name, '--webhook-secret', `${name}-webhook-tls`],
      ...['--lease', name, ...args],
    ],
    { folder: cluster.run, env: { POD_NAME: replica } },
  )
  const health = `http://127.0.0.1:${healthPort}`
  return {
    ...program,
    name: replica,
    health,
    webhookPort,
    log: () => linesOf(readFileSync(join(cluster.run, `${replica}.log`), 'utf8')),
    async checks(path) {
      const response = await fetch(`${health}${path}`)
      const { checks } = (await response.json()) as { checks: Record<string, Told> }
      return { status: response.status, checks }
    },
    metric: (metricName) => metric(healthPort, metricName),
  }
}

/** What is no JSON is Node's own word of a process that died. */
function linesOf(text: string): OperatorLine[] {
  return text.split('\n').flatMap((line): OperatorLine[] => {
    if (line === '') return []
    if (!line.startsWith('{')) return [{ time: '', level: 'error', msg: line }]
    return [JSON.parse(line) as OperatorLine]
  })
}

/** With what was logged, since a test that only says "not ready" helps nobody. */
export function lastWords(program: OperatorProgram): string {
  const lines = program.log().slice(-15)
  return `${program.name}:\n${lines.map((line) => JSON.stringify(line)).join('\n')}`
}

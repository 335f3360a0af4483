/**
 * A real control plane for tests: etcd, kube-apiserver and kube-controller-manager as processes of this machine, with
 * cert-manager and kwok where asked. Each has ports and a folder of its own, so several stand side by side, and all goes
 * with the process that started it, also when that one is killed.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startGuardian, type Guardian } from '../../../src/local/runtime/guardian.ts'
import {
  certManagerIsReady,
  fakeNodeIsReady,
  installCertManagerCrds,
  installCertManagerObjects,
  installLinkCrd,
  makeFakeNode,
} from './addons.ts'
import {
  createClusterClient,
  pkiFolder,
  type ClusterAddress,
  type ClusterClient,
} from './cluster-client.ts'
import { createDaemons, type Daemons } from './daemons.ts'
import { commandOf, type Layout, type Part } from './parts.ts'
import { createPki, writeKubeconfig } from './pki.ts'
import { serverPorts } from './ports.ts'

export interface TestClusterOptions {
  /** The CRD of LogstashLink. */
  crd?: boolean
  /** `crds`: where a test plays cert-manager's part. */
  certManager?: boolean | 'crds'
  /** A node `fake1`: pods that name it become Ready and enter EndpointSlices, nothing runs. */
  kwok?: boolean
  /** Further flags of kube-apiserver and kube-controller-manager. */
  apiFlags?: readonly string[]
  controllerManagerFlags?: readonly string[]
}

export interface TestCluster extends ClusterClient {
  /** Ends a part, by default at once (SIGKILL), and waits until it is gone. */
  kill(part: Part, signal?: NodeJS.Signals): Promise<void>
  /** Starts a part again, on its port and with its data, and waits until it is ready. */
  start(part: Part): Promise<void>
  /** Ends all and removes the folder; nothing where the cluster is someone else's. */
  stop(): Promise<void>
}

/** Names the folder of a cluster that runs already; see `npm run test:cluster`. */
export const sharedVariable = 'LSL_TEST_CLUSTER'

export async function startTestCluster(options: TestClusterOptions = {}): Promise<TestCluster> {
  const run = mkdtempSync(join(tmpdir(), 'lsl-test-cluster-'))
  const guardian = startGuardian(run)
  const { cluster, daemons } = await startCluster(run, options, guardian)
  let stopped: Promise<void> | undefined
  const end = async () => {
    cluster.api.close()
    await daemons.stop()
    await guardian.close()
    rmSync(run, { recursive: true, force: true })
  }
  return { ...cluster, stop: () => (stopped ??= end()) }
}

/**
 * The cluster that all suites share, with CRD, cert-manager and kwok; where nobody started one (a file is run alone) one
 * is started, and ends with `stop`.
 */
export async function sharedTestCluster(): Promise<TestCluster> {
  const run = process.env[sharedVariable]
  if (run === undefined) return startTestCluster({ crd: true, certManager: true, kwok: true })
  const client = createClusterClient(readAddress(run))
  await installLinkCrd(client.api)
  return { ...client, kill: refuse, start: refuse, stop: async () => client.api.close() }
}

async function refuse(part: Part): Promise<void> {
  throw new Error(`${part} is everybody's: a suite that ends parts starts a cluster of its own`)
}

/** In a folder that is there; `guardian` ends it with this process. */
export async function startCluster(
  run: string,
  options: TestClusterOptions,
  guardian?: Guardian,
): Promise<{ cluster: Omit<TestCluster, 'stop'>; daemons: Daemons }> {
  mkdirSync(run, { recursive: true })
  const daemons = createDaemons(join(run, 'log'), guardian)
  try {
    return { cluster: await bringUp(run, options, daemons), daemons }
  } catch (error) {
    await daemons.stop()
    await guardian?.close()
    throw error
  }
}

async function bringUp(
  run: string,
  options: TestClusterOptions,
  daemons: Daemons,
): Promise<Omit<TestCluster, 'stop'>> {
  const { address, layout } = await prepare(run, options)
  const client = createClusterClient(address)
  const { api } = client
  const readiness: Record<Part, () => Promise<void>> = {
    etcd: async () => {
      await (await fetch(new URL('/health', address.etcdUrl))).text()
    },
    'kube-apiserver': async () => {
      const { status, body } = await api.ask('GET', '/readyz')
      if (status !== 200) throw new Error(`readyz: ${body}`)
    },
    'kube-controller-manager': async () => {
      await api.object('GET', '/api/v1/namespaces/default/serviceaccounts/default')
    },
    'cert-manager': () => certManagerIsReady(api),
    kwok: () => fakeNodeIsReady(api),
  }
  const start = (part: Part) =>
    daemons.start(part, commandOf(part, layout), readiness[part], { HOME: run })

  await start('etcd')
  await start('kube-apiserver')
  await Promise.all([
    start('kube-controller-manager'),
    options.crd === true && installLinkCrd(api),
    options.certManager === 'crds' && installCertManagerCrds(api),
    options.certManager === true &&
      installCertManagerObjects(api, layout.ports.certManagerWebhook).then(() =>
        start('cert-manager'),
      ),
    options.kwok === true && makeFakeNode(api).then(() => start('kwok')),
  ])
  return { ...client, start, kill: (part, signal = 'SIGKILL') => daemons.kill(part, signal) }
}

/** Certificates, ports and kubeconfigs. */
async function prepare(
  run: string,
  { apiFlags = [], controllerManagerFlags = [] }: TestClusterOptions,
): Promise<{ address: ClusterAddress; layout: Layout }> {
  const pki = await createPki(pkiFolder(run))
  const [etcd = 0, etcdPeer = 0, api = 0, ...more] = await serverPorts(7, Math.random)
  const [controllers = 0, certManagerWebhook = 0, certManagerHealth = 0, kwok = 0] = more
  const url = `https://127.0.0.1:${api}`
  const [admin, controllerManager] = await Promise.all([
    pki.client('admin', ['system:masters']),
    pki.client('system:kube-controller-manager'),
  ])
  const kubeconfig = (name: string, files: typeof admin) =>
    writeKubeconfig(join(run, `${name}.kubeconfig`), { url, ca: pki.ca.cert, identity: { files } })
  const kubeconfigs = {
    admin: kubeconfig('admin', admin),
    controllerManager: kubeconfig('controller-manager', controllerManager),
  }
  const address = {
    url,
    etcdUrl: `http://127.0.0.1:${etcd}`,
    run,
    kubeconfig: kubeconfigs.admin,
    pki: { ca: pki.ca.cert, ...admin },
  }
  writeFileSync(addressFile(run), JSON.stringify(address))
  const ports = { etcd, etcdPeer, api, controllers, certManagerWebhook, certManagerHealth, kwok }
  return { address, layout: { run, pki, ports, kubeconfigs, apiFlags, controllerManagerFlags } }
}

function addressFile(run: string): string {
  return join(run, 'address.json')
}

export function readAddress(run: string): ClusterAddress {
  return JSON.parse(readFileSync(addressFile(run), 'utf8')) as ClusterAddress
}

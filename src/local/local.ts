/**
 * The embedded default: one in-memory cluster, the same controllers as on a real one, and small stand-ins for what
 * Kubernetes and cert-manager do around them.
 *
 *   manifests ─▶ cluster ◀─▶ controller          links → Services, Certificates, ConfigMaps, status
 *                   ▲ ◀────▶ issuer              Certificates → Secrets
 *                   │ ◀────▶ workloads           Deployments, StatefulSets, Jobs → pods (through admission: the injector)
 *                   │ ◀────▶ endpoints           Services and ready pods → EndpointSlices
 *                   └ ◀────▶ kubelet             pods → processes, and their status
 */
import { randomBytes } from 'node:crypto'
import { mkdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Registry } from 'prom-client'
import { messageOf, TerminalError } from '../errors.ts'
import { keyOf, type KubeObject } from '../api/objects.ts'
import type { OperatorOptions } from '../api/operator-options.ts'
import { realClock } from '../controller/clock.ts'
import { createController } from '../controller/controller.ts'
import type { Cluster } from '../kube/cluster.ts'
import type { LogstashLink } from '../api/link.ts'
import type { Checks } from '../telemetry/health.ts'
import type { Log } from '../telemetry/log.ts'
import { linkKind, linkValidator, podAdmission } from './admission.ts'
import { createInMemoryCluster } from './cluster/in-memory-cluster.ts'
import { startEndpoints } from './endpoints.ts'
import { startIssuer } from './issuer/issuer.ts'
import { createRunFolder, killGroup, sweepRunFolders } from './run-folder.ts'
import { createAddresses, hasOwnAddresses } from './runtime/addresses.ts'
import { bindingByFinalizer } from './runtime/binding.ts'
import { startGuardian } from './runtime/guardian.ts'
import { startKubelet } from './runtime/kubelet.ts'
import { startWorkloads } from './workloads/workloads.ts'

export interface Local {
  /** As a user of it, who is no controller. */
  readonly cluster: Cluster
  /** Volumes and logs of this run. */
  readonly folder: string
  /** Health of the control plane. */
  readonly checks: Checks
  /** Running processes by pod (`namespace/name`). */
  processes(): { pod: string; container: string; pid: number }[]
  /** Ends all pods in order, senders first, and removes the folder unless it is to be kept. */
  stop(): Promise<void>
  /** Ends all processes at once, without grace. */
  kill(): void
}

export interface LocalOptions {
  /** In the order in which they are applied. */
  manifests: readonly KubeObject[]
  log: Log
  registry: Registry
  /** Gets each line that containers print. */
  screen?: (line: string) => void
  keepFiles?: boolean
  /** True: all pods share 127.0.0.1, each with ports of its own. Default: only where there is no other way. */
  sharedAddress?: boolean
}

const operatorOptions: OperatorOptions = { image: 'logstash-link', clusterDomain: 'cluster.local' }
const ownProgram = fileURLToPath(new URL('../../bin/logstash-link.js', import.meta.url))

const now = (): Date => new Date()

/** Starts everything and applies the manifests. Resolves once they are written; what comes of them shows in their status. */
export async function createLocal(options: LocalOptions): Promise<Local> {
  const {
    manifests,
    log,
    registry,
    screen,
    keepFiles = false,
    sharedAddress = !hasOwnAddresses,
  } = options
  const parent = tmpdir()
  const swept = sweepRunFolders(parent)
  if (swept > 0) log.warn({ runs: swept }, 'ended what earlier runs had left behind')
  const folder = await createRunFolder(parent)
  mkdirSync(join(folder.path, 'logs'))
  const guardian = startGuardian(keepFiles ? undefined : folder.path)
  const groups = {
    add(group: number) {
      folder.add(group)
      guardian.add(group)
    },
    remove(group: number) {
      folder.remove(group)
      guardian.remove(group)
    },
  }
  const cluster = createInMemoryCluster({
    now,
    validate: { [linkKind.kind]: linkValidator },
    admit: podAdmission(
      (namespace) => cluster.list<LogstashLink>(linkKind, { namespace }),
      operatorOptions,
      log,
      sharedAddress,
    ),
  })
  const controller = createController({
    cluster,
    clock: realClock,
    log,
    registry,
    options: operatorOptions,
    random: randomBytes,
  })
  await controller.start()
  const issuer = startIssuer({ cluster: cluster.as('cert-manager'), log, now })
  const endpoints = startEndpoints(cluster.as('endpointslice-controller'), log)
  const workloads = startWorkloads(cluster.as('deployment-controller'), log)
  const asKubelet = cluster.as('kubelet')
  const kubelet = startKubelet({
    cluster: asKubelet,
    binding: bindingByFinalizer(asKubelet),
    addresses: createAddresses(sharedAddress),
    groups,
    programs: { node: process.execPath, own: ownProgram },
    base: baseEnvironment(folder.path),
    folder: folder.path,
    ...(screen && { screen }),
    seed: folder.path,
    now,
    log,
  })

  const local: Local = {
    cluster: cluster.as('kubectl'),
    folder: folder.path,
    checks: controller.checks,
    processes: () => kubelet.processes(),
    async stop() {
      await workloads.stop()
      await kubelet.stop(stopRank)
      await controller.stop()
      await Promise.all([issuer.stop(), endpoints.stop()])
      await guardian.close()
      if (!keepFiles) rmSync(folder.path, { recursive: true, force: true })
    },
    kill() {
      for (const { pid } of kubelet.processes()) killGroup(pid)
    },
  }
  try {
    for (const object of manifests) await applyManifest(local.cluster, object)
  } catch (error) {
    await local.stop()
    throw error
  }
  return local
}

async function applyManifest(cluster: Cluster, object: KubeObject): Promise<void> {
  try {
    await cluster.create(object)
  } catch (error) {
    const name = `${object.kind} ${keyOf(object)}`
    throw new TerminalError('LSL_MANIFEST_INVALID', [name, messageOf(error)], { cause: error })
  }
}

/** Senders end while receivers still take what they have; a pod that is both ends between. */
function stopRank({ metadata }: KubeObject): number {
  const has = (role: string): boolean =>
    Object.keys(metadata.labels ?? {}).some((label) => label.startsWith(`${role}.${linkGroup}/`))
  if (has('sender')) return has('receiver') ? 1 : 0
  return 2
}

const linkGroup = linkKind.apiVersion.split('/')[0] ?? ''

/** Nothing of the caller's environment but where programs and temporary files lie. */
function baseEnvironment(home: string): Record<string, string> {
  const { PATH = '', TMPDIR, LANG } = process.env
  return {
    PATH: [dirname(process.execPath), PATH].join(delimiter),
    HOME: home,
    ...(TMPDIR !== undefined && { TMPDIR }),
    ...(LANG !== undefined && { LANG }),
  }
}

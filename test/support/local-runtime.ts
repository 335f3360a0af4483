/** The kubelet, endpoints and workloads of `local` on an in-memory cluster, without controller: pods as real processes. */
import { mkdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { KubeObject } from '../../src/api/objects.ts'
import {
  createInMemoryCluster,
  type InMemoryCluster,
} from '../../src/local/cluster/in-memory-cluster.ts'
import { startEndpoints } from '../../src/local/endpoints.ts'
import type { Pod } from '../../src/local/pod.ts'
import { createRunFolder } from '../../src/local/run-folder.ts'
import { createAddresses } from '../../src/local/runtime/addresses.ts'
import { bindingByFinalizer } from '../../src/local/runtime/binding.ts'
import { startKubelet, type Kubelet } from '../../src/local/runtime/kubelet.ts'
import { startWorkloads } from '../../src/local/workloads/workloads.ts'
import { silentLog } from './log.ts'

export interface LocalRuntime {
  cluster: InMemoryCluster
  kubelet: Kubelet
  folder: string
  pod(name: string): Promise<Pod | undefined>
}

/** Ends with the test, its processes with it. */
export async function startLocalRuntime(
  t: { after(done: () => Promise<void>): void },
  objects: KubeObject[] = [],
): Promise<LocalRuntime> {
  const log = silentLog()
  const cluster = createInMemoryCluster({ now: () => new Date() })
  const folder = await createRunFolder(tmpdir())
  mkdirSync(`${folder.path}/logs`)
  const asKubelet = cluster.as('kubelet')
  const kubelet = startKubelet({
    cluster: asKubelet,
    binding: bindingByFinalizer(asKubelet),
    addresses: createAddresses(false),
    groups: folder,
    programs: {
      node: process.execPath,
      own: fileURLToPath(new URL('../../bin/logstash-link.js', import.meta.url)),
    },
    base: { PATH: process.env['PATH'] ?? '' },
    folder: folder.path,
    seed: folder.path,
    now: () => new Date(),
    log,
  })
  const endpoints = startEndpoints(cluster.as('endpoints'), log)
  const workloads = startWorkloads(cluster.as('workloads'), log)
  t.after(async () => {
    await workloads.stop()
    await kubelet.stop(() => 0)
    await endpoints.stop()
    rmSync(folder.path, { recursive: true, force: true })
  })
  for (const object of objects) await cluster.create(object)
  return {
    cluster,
    kubelet,
    folder: folder.path,
    pod: (name) => cluster.get<Pod>({ apiVersion: 'v1', kind: 'Pod', namespace: 'test', name }),
  }
}

/** A ConfigMap of the namespace `test`. */
export function configMap(name: string, data: Record<string, string>): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'test' }, data }
}

/** A pod of the namespace `test`. */
export function pod(name: string, spec: Pod['spec'], labels: Record<string, string> = {}): Pod {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'test', labels }, spec }
}

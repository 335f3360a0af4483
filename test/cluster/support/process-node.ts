/**
 * A node of a real cluster whose pods run as processes of this machine, by the kubelet of `logstash-link local`. It takes
 * pods that name it, and, as there is no scheduler, those that name no node and whose nodeSelector fits its labels. It
 * needs the network that in-pod-network.sh makes, in which every address of the pods' range is this machine.
 */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Cluster } from '../../../src/kube/cluster.ts'
import { podKind, type Pod } from '../../../src/local/pod.ts'
import { createRunFolder } from '../../../src/local/run-folder.ts'
import type { Addresses } from '../../../src/local/runtime/addresses.ts'
import type { Binding } from '../../../src/local/runtime/binding.ts'
import { startGuardian } from '../../../src/local/runtime/guardian.ts'
import { startKubelet, type Kubelet } from '../../../src/local/runtime/kubelet.ts'
import { messageOf } from '../../../src/errors.ts'
import type { Log } from '../../../src/telemetry/log.ts'
import type { Api } from './api-request.ts'
import { hasPodNetwork, podRange } from './pod-network.ts'

export interface ProcessNode {
  name: string
  kubelet: Kubelet
  /** Output of containers lies below `logs/`, as `<namespace>_<pod>_<container>.log`; kept where LSL_KEEP_LOGS is set. */
  folder: string
  /** Ends all processes and removes the node. */
  stop(): Promise<void>
}

export interface ProcessNodeOptions {
  api: Api
  /** As an administrator. */
  cluster: Cluster
  name: string
  /** Run folders are made in it; short, as paths of unix sockets hold at most 107 bytes. */
  parent: string
  log: Log
  labels?: Record<string, string>
  /** It takes only pods that ask for it by a nodeSelector, as if it were tainted against all others. */
  dedicated?: boolean
  /** Which of three ranges of addresses its pods get, where several nodes stand side by side; default 0. */
  range?: 0 | 1 | 2
  /** Further environment of all containers: KUBECONFIG, as none of them finds a service account's token on its disk. */
  env?: Record<string, string>
}

const nodeKind = { apiVersion: 'v1', kind: 'Node' }
const leaseKind = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' }
/** The node controller wants one every 40 s. */
const heartbeatMs = 10_000

export async function startProcessNode(options: ProcessNodeOptions): Promise<ProcessNode> {
  const { api, cluster, name, log } = options
  if (!hasPodNetwork()) throw new Error('Expected the pods’ network, as in-pod-network.sh makes it')
  const run = await createRunFolder(options.parent)
  mkdirSync(join(run.path, 'logs'))
  const guardian = startGuardian(run.path)
  await register(cluster, name, { ...wellKnownLabels(name), ...options.labels })
  const ended = new AbortController()
  const beating = heartbeat(cluster, name, ended.signal, log)
  const scheduler = cluster.watch(podKind, {}, ({ type, object }) => {
    const pod = object as Pod
    if (type === 'DELETED' || pod.spec.nodeName !== undefined || !takes(pod, options)) return
    void bind(api, pod, name).catch((error: unknown) => {
      log.warn({ pod: pod.metadata.name, error: messageOf(error) }, 'A pod was not bound')
    })
  })
  const kubelet = startKubelet({
    cluster,
    binding: bindingByGrace(api, name),
    addresses: podAddresses(options.range ?? 0),
    groups: {
      add(group) {
        run.add(group)
        guardian.add(group)
      },
      remove(group) {
        run.remove(group)
        guardian.remove(group)
      },
    },
    programs: {
      node: process.execPath,
      own: fileURLToPath(new URL('../../../bin/logstash-link.js', import.meta.url)),
    },
    base: { PATH: process.env['PATH'] ?? '', HOME: run.path, ...options.env },
    folder: run.path,
    seed: name,
    now: () => new Date(),
    log,
  })
  return {
    name,
    kubelet,
    folder: run.path,
    async stop() {
      scheduler.stop()
      await kubelet.stop(() => 0)
      ended.abort()
      await beating
      await cluster.delete({ ...nodeKind, name })
      await guardian.close()
      if (process.env['LSL_KEEP_LOGS'] === undefined) rmSync(run.path, { recursive: true })
    },
  }
}

/** Pods that name this node. The API server keeps a deleted one until its kubelet deletes it without grace. */
function bindingByGrace(api: Api, node: string): Binding {
  return {
    isOurs: (pod) => pod.spec.nodeName === node,
    keep: () => Promise.resolve(),
    async release({ metadata: { namespace = 'default', name, uid } }: Pod) {
      const path = `/api/v1/namespaces/${namespace}/pods/${name}`
      const { status, body } = await api.ask('DELETE', path, {
        gracePeriodSeconds: 0,
        preconditions: { uid },
      })
      // Gone, or another one of its name by now.
      if (status >= 300 && status !== 404 && status !== 409) {
        throw new Error(`Pod ${namespace}/${name} was not released: ${status} ${body}`)
      }
    },
  }
}

function takes(pod: Pod, { name, labels = {}, dedicated = false }: ProcessNodeOptions): boolean {
  const wanted = Object.entries((pod.spec['nodeSelector'] ?? {}) as Record<string, string>)
  const all = { ...wellKnownLabels(name), ...labels }
  if (dedicated && !wanted.some(([key]) => Object.hasOwn(labels, key))) return false
  return wanted.every(([key, value]) => all[key] === value)
}

/** What every kubelet sets. */
function wellKnownLabels(name: string): Record<string, string> {
  return { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux' }
}

async function bind(api: Api, { metadata }: Pod, node: string): Promise<void> {
  const { namespace = 'default', name } = metadata
  const path = `/api/v1/namespaces/${namespace}/pods/${name}/binding`
  const { status, body } = await api.ask('POST', path, {
    apiVersion: 'v1',
    kind: 'Binding',
    metadata: { name, namespace },
    target: { ...nodeKind, name: node },
  })
  // Bound already, or gone.
  if (status >= 300 && status !== 404 && status !== 409) throw new Error(`${status} ${body}`)
}

/** From 10.245.128.1, .168.1 or .208.1 on, one after the other; kwok gives out the lower half. */
function podAddresses(range: number): Addresses {
  let count = 0
  return {
    claim() {
      count += 1
      const third = 128 + 40 * range + Math.floor(count / 250)
      const ip = `${podRange}${third}.${1 + (count % 250)}`
      return Promise.resolve({ ip, release: () => Promise.resolve() })
    },
  }
}

async function register(
  cluster: Cluster,
  name: string,
  labels: Record<string, string>,
): Promise<void> {
  await cluster.apply({ ...nodeKind, metadata: { name, labels }, spec: {} })
  const time = new Date().toISOString()
  const condition = (type: string, status: string): object => ({
    type,
    status,
    reason: 'ProcessNode',
    message: 'Pods are processes of this machine.',
    lastHeartbeatTime: time,
    lastTransitionTime: time,
  })
  const amounts = { cpu: '64', memory: '256Gi', pods: '500' }
  await cluster.applyStatus({
    ...nodeKind,
    metadata: { name },
    status: { conditions: [condition('Ready', 'True')], capacity: amounts, allocatable: amounts },
  })
}

async function heartbeat(
  cluster: Cluster,
  name: string,
  ended: AbortSignal,
  log: Log,
): Promise<void> {
  while (!ended.aborted) {
    const renewTime = `${new Date().toISOString().slice(0, -1)}000Z`
    try {
      await cluster.apply({
        ...leaseKind,
        metadata: { namespace: 'kube-node-lease', name },
        spec: { holderIdentity: name, leaseDurationSeconds: 40, renewTime },
      })
    } catch (error) {
      log.warn({ node: name, error: messageOf(error) }, 'A heartbeat was not written')
    }
    await delay(heartbeatMs, undefined, { signal: ended }).catch(() => undefined)
  }
}

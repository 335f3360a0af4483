/** `local` with a namespace `shop`: applications that make events and count them, and links between them, as real processes. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { apiVersion, kind } from '../../src/api/names.ts'
import type { Kind, KubeObject } from '../../src/api/objects.ts'
import { inNamespace, rankOf } from '../../src/local/known-kinds.ts'
import { createLocal, type Local } from '../../src/local/local.ts'
import { podKind, type Pod, type PodSpec } from '../../src/local/pod.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { silentLog } from './log.ts'

export interface Shop extends Local {
  /** What a container has printed until now, over all its lives. */
  printed(pod: string, container: string): string
  /** Lines of a file on a claim; none while it is not there. */
  claimed(claim: string, file: string): string[]
  get<T extends KubeObject>(of: Kind, name: string): Promise<T | undefined>
  pods(): Promise<Pod[]>
}

const namespace = 'shop'

/** Ends with the test. Objects may come in any order. */
export async function startShop(
  t: { after(done: () => Promise<void>): void },
  objects: readonly KubeObject[],
): Promise<Shop> {
  const placed = objects.map((object) =>
    inNamespace({ ...object, metadata: { namespace, ...object.metadata } }),
  )
  const local = await createLocal({
    manifests: placed.toSorted((a, b) => rankOf(a) - rankOf(b)),
    log: silentLog(),
    registry: createMetrics({ program: 'test' }),
  })
  t.after(() => local.stop())
  const read = (...path: string[]): string => {
    const file = join(local.folder, ...path)
    return existsSync(file) ? readFileSync(file, 'utf8') : ''
  }
  return {
    ...local,
    printed: (pod, container) => read('logs', `${namespace}_${pod}_${container}.log`),
    claimed: (claim, file) =>
      read('claims', `${namespace}_${claim}`, file).split('\n').slice(0, -1),
    get: <T extends KubeObject>(of: Kind, name: string) =>
      local.cluster.get<T>({ ...of, namespace, name }),
    pods: () => local.cluster.list<Pod>(podKind, { namespace }),
  }
}

export function link(name: string, spec: object): KubeObject {
  return { apiVersion, kind, metadata: { name }, spec }
}

/** The program of containers, at /app/main.mjs of those that mount `program(name)`. */
export function programMap(name: string, source: string): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { 'main.mjs': source } }
}

interface Work {
  /** Of the ConfigMap with its program, its container and its label `app`. */
  name: string
  env?: Record<string, string>
  /** Volume → where it is mounted. */
  mounts?: Record<string, string>
  volumes?: NonNullable<PodSpec['volumes']>
  more?: Partial<PodSpec>
  container?: object
}

/** A pod's template. */
function template({ name, env = {}, mounts = {}, volumes = [], more, container }: Work) {
  const volumeMounts = Object.entries(mounts).map(([volume, mountPath]) => ({
    name: volume,
    mountPath,
  }))
  return {
    metadata: { labels: { app: name } },
    spec: {
      ...more,
      containers: [
        {
          name,
          command: ['node', '/app/main.mjs'],
          env: Object.entries(env).map(([key, value]) => ({ name: key, value })),
          volumeMounts: [{ name: 'program', mountPath: '/app' }, ...volumeMounts],
          ...container,
        },
      ],
      volumes: [{ name: 'program', configMap: { name } }, ...volumes],
    },
  }
}

/** A Deployment or StatefulSet. */
export function workload(
  of: 'Deployment' | 'StatefulSet',
  work: Work,
  spec: object = {},
): KubeObject {
  const selector = { matchLabels: { app: work.name } }
  return {
    apiVersion: 'apps/v1',
    kind: of,
    metadata: { name: work.name },
    spec: { replicas: 1, selector, template: template(work), ...spec },
  }
}

/** A pod that nobody makes anew. */
export function barePod(work: Work): KubeObject {
  const { metadata, spec } = template(work)
  return { ...podKind, metadata: { name: work.name, ...metadata }, spec: { ...spec } }
}

export function job(work: Work): KubeObject {
  const more = { restartPolicy: 'Never' as const, ...work.more }
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: work.name },
    spec: { template: template({ ...work, more }) },
  }
}

/** ConfigMaps and Secrets as pods see them, kept up to date by watches; who mounts them is told of each change. */
import type { KubeObject } from '../../api/objects.ts'
import type { Cluster } from '../../kube/cluster.ts'
import type { Objects } from './environment.ts'

export interface ObjectCache {
  /** Resolves once all that exists was read. */
  synced: Promise<unknown>
  in(namespace: string): Objects
  stop(): void
}

/** @param changed told of the namespace in which a ConfigMap or Secret changed */
export function watchObjects(cluster: Cluster, changed: (namespace: string) => void): ObjectCache {
  const data = new Map<string, Record<string, Buffer>>()
  const subscriptions = (['ConfigMap', 'Secret'] as const).map((kind) =>
    cluster.watch({ apiVersion: 'v1', kind }, {}, ({ type, object }) => {
      const { namespace = 'default', name } = object.metadata
      const key = `${kind} ${namespace}/${name}`
      if (type === 'DELETED') data.delete(key)
      else data.set(key, contentOf(object))
      changed(namespace)
    }),
  )
  return {
    synced: Promise.all(subscriptions.map((each) => each.synced)),
    in: (namespace) => ({
      configMap: (name) => data.get(`ConfigMap ${namespace}/${name}`),
      secret: (name) => data.get(`Secret ${namespace}/${name}`),
    }),
    stop() {
      for (const each of subscriptions) each.stop()
    },
  }
}

function contentOf(object: KubeObject): Record<string, Buffer> {
  const plain = object.kind === 'ConfigMap' ? entries(object, 'data', 'utf8') : []
  const encoded = entries(object, object.kind === 'ConfigMap' ? 'binaryData' : 'data', 'base64')
  return Object.fromEntries([...plain, ...encoded])
}

function entries(
  object: KubeObject,
  field: string,
  encoding: 'utf8' | 'base64',
): [string, Buffer][] {
  return Object.entries((object[field] ?? {}) as Record<string, string>).map(([key, value]) => [
    key,
    Buffer.from(value, encoding),
  ])
}

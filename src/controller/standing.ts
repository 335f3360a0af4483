/** Which objects of ours stand for each link, and which of their versions are our own writing. */
import { certificateKind } from '../api/names.ts'
import type { KubeObject, ObjectKey } from '../api/objects.ts'
import { linkNamesOf } from './concerns.ts'

export interface Standing {
  /** A watch shows it. */
  seen(object: KubeObject): void
  gone(object: KubeObject): void
  /** We have written it, for this link. */
  wrote: (link: string, object: KubeObject) => void
  wroteStatus: (link: KubeObject) => void
  /** True once for the version that we wrote: the watch only repeats it. */
  isEcho(object: KubeObject): boolean
  of: (link: string) => ObjectKey[]
}

export function createStanding(): Standing {
  const ofLink = new Map<string, Map<string, ObjectKey>>()
  const linksOf = new Map<string, Set<string>>()
  const echoes = new Map<string, string>()

  const put = (link: string, object: KubeObject) => {
    const id = idOf(object)
    ofLink.set(link, (ofLink.get(link) ?? new Map()).set(id, keyOfObject(object)))
    linksOf.set(id, (linksOf.get(id) ?? new Set()).add(link))
  }
  const gone = (object: KubeObject) => {
    const id = idOf(object)
    for (const link of linksOf.get(id) ?? []) {
      ofLink.get(link)?.delete(id)
      if (ofLink.get(link)?.size === 0) ofLink.delete(link)
    }
    linksOf.delete(id)
    echoes.delete(id)
  }

  const expect = (object: KubeObject) =>
    void echoes.set(idOf(object), object.metadata.resourceVersion ?? '')

  return {
    seen(object) {
      const { namespace = '' } = object.metadata
      for (const name of linkNamesOf(object.metadata)) put(`${namespace}/${name}`, object)
    },
    gone,
    wrote(link, object) {
      if (!isListed(object)) return
      put(link, object)
      expect(object)
    },
    wroteStatus: expect,
    isEcho(object) {
      const id = idOf(object)
      if (echoes.get(id) !== object.metadata.resourceVersion) return false
      return echoes.delete(id)
    },
    of: (link) => [...(ofLink.get(link)?.values() ?? [])],
  }
}

/** Secrets are read by name, whether they stand or not. */
function isListed({ kind }: KubeObject): boolean {
  return ['Service', 'ConfigMap', certificateKind.kind].includes(kind)
}

function idOf({ kind, metadata }: KubeObject): string {
  return `${kind} ${metadata.namespace ?? ''} ${metadata.name}`
}

function keyOfObject({ apiVersion, kind, metadata }: KubeObject): ObjectKey {
  const { namespace = '', name } = metadata
  return { apiVersion, kind, namespace, name }
}

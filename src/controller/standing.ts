/** Which objects of ours stand for each link, and which of their versions are our own writing. */
import { certificateKind, kind } from '../api/names.ts'
import type { KubeObject, ObjectKey } from '../api/objects.ts'
import { linkNamesOf } from './concerns.ts'

export interface Standing {
  /** A watch shows it. */
  seen(object: KubeObject): void
  gone(object: KubeObject): void
  /** Runs a write of ours that is for this link; `object` names what is written. */
  writing: <T extends KubeObject>(
    link: string,
    object: KubeObject,
    write: () => Promise<T>,
  ) => Promise<T>
  /**
   * Calls back unless a watch only repeats what we wrote. While we are writing to the object that cannot be said, since a
   * watch may be faster than the answer to a write: then once that is there.
   */
  unlessEcho(object: KubeObject, changed: () => void): void
  of: (link: string) => ObjectKey[]
}

export function createStanding(): Standing {
  const ofLink = new Map<string, Map<string, ObjectKey>>()
  const linksOf = new Map<string, Set<string>>()
  const echoes = new Map<string, string>()
  /** Objects that we are writing to, and what waits for the answers. */
  const underWay = new Map<string, { writes: number; waiting: (() => void)[] }>()

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

  const wrote = (link: string, object: KubeObject) => {
    const isWatched = isListed(object)
    if (isWatched) put(link, object)
    // Of a link itself only its status is written.
    if (isWatched || object.kind === kind) {
      echoes.set(idOf(object), object.metadata.resourceVersion ?? '')
    }
  }

  const isEcho = (object: KubeObject): boolean => {
    const id = idOf(object)
    return echoes.get(id) === object.metadata.resourceVersion && echoes.delete(id)
  }

  return {
    seen(object) {
      const { namespace = '' } = object.metadata
      for (const name of linkNamesOf(object.metadata)) put(`${namespace}/${name}`, object)
    },
    gone,
    async writing(link, object, write) {
      const id = idOf(object)
      const entry = underWay.get(id) ?? { writes: 0, waiting: [] }
      underWay.set(id, entry)
      entry.writes += 1
      try {
        const answer = await write()
        wrote(link, answer)
        return answer
      } finally {
        entry.writes -= 1
        if (entry.writes === 0) {
          underWay.delete(id)
          for (const look of entry.waiting) look()
        }
      }
    },
    unlessEcho(object, changed) {
      const look = () => {
        if (!isEcho(object)) changed()
      }
      const entry = underWay.get(idOf(object))
      if (entry === undefined) look()
      else entry.waiting.push(look)
    },
    of: (link) => [...(ofLink.get(link)?.values() ?? [])],
  }
}

/** Secrets are read by name, whether they stand or not. */
function isListed(object: KubeObject): boolean {
  return ['Service', 'ConfigMap', certificateKind.kind].includes(object.kind)
}

function idOf({ kind: of, metadata }: KubeObject): string {
  return `${of} ${metadata.namespace ?? ''} ${metadata.name}`
}

function keyOfObject({ apiVersion, kind: of, metadata }: KubeObject): ObjectKey {
  const { namespace = '', name } = metadata
  return { apiVersion, kind: of, namespace, name }
}

/** Writes on the real API: what is sent, and nothing that the server alone sets. */
import type { KubeObject, ObjectKey } from '../api/objects.ts'
import type { KubeClient } from './client.ts'
import { ClusterError } from './cluster.ts'
import { ApiRefusal, isNotFound } from './refusal.ts'
import { collectionPath, objectPath, requireScope, type Resources } from './resources.ts'

export interface Writes {
  create(object: KubeObject): Promise<KubeObject>
  apply(object: KubeObject): Promise<KubeObject>
  applyStatus(object: KubeObject): Promise<KubeObject>
  /** What is left of it: an object that still waits for its finalizers or its grace period, or the uid of what is gone. */
  remove(key: ObjectKey, uid: string | undefined): Promise<Removed>
}

type Removed = { left: KubeObject } | { gone: string | undefined }

const applyPatch = 'application/apply-patch+yaml'

export function createWrites(options: {
  client: Pick<KubeClient, 'request'>
  resources: Resources
  manager: string
}): Writes {
  const { client, resources, manager } = options

  const patch = async (object: KubeObject, subresource: string): Promise<KubeObject> => {
    const path = objectPath(keyOfObject(object), await resources.find(object))
    try {
      return await client.request<KubeObject>({
        method: 'PATCH',
        path: `${path}${subresource}`,
        query: { fieldManager: manager, force: true },
        contentType: applyPatch,
        body: object,
      })
    } catch (error) {
      // Another object bears the name: Conflict where there is none, but Invalid (an immutable field) where there is one.
      if (error instanceof ApiRefusal && error.fields.includes('metadata.uid')) {
        throw new ClusterError('Conflict', error.message, { cause: error })
      }
      throw error
    }
  }

  return {
    async create(object) {
      const resource = await resources.find(object)
      requireScope(keyOfObject(object), resource)
      const path = collectionPath(object, resource, object.metadata.namespace)
      // A server that knows less would drop in silence what it does not know; an apply fails by itself then.
      const query = { fieldManager: manager, fieldValidation: 'Strict' }
      return client.request<KubeObject>({ method: 'POST', path, query, body: object })
    },
    apply: (object) => patch(applied(object), ''),
    applyStatus(object) {
      const { apiVersion, kind, metadata } = object
      const { name, namespace, uid, resourceVersion } = metadata
      return patch(
        {
          apiVersion,
          kind,
          metadata: defined({ name, namespace, uid, resourceVersion }),
          status: object['status'] ?? {},
        },
        '/status',
      )
    },
    async remove(key, uid) {
      const path = objectPath(key, await resources.find(key))
      const body = {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        propagationPolicy: 'Background',
        ...(uid === undefined ? {} : { preconditions: { uid } }),
      }
      try {
        return removed(await client.request<Answer>({ method: 'DELETE', path, body }))
      } catch (error) {
        if (isNotFound(error)) return { gone: uid }
        throw error
      }
    },
  }
}

interface Answer extends KubeObject {
  details?: { uid?: string }
}

function removed(answer: Answer): Removed {
  if (answer.kind === 'Status') return { gone: answer.details?.uid }
  const { deletionTimestamp, finalizers = [], uid } = answer.metadata
  const grace = (answer.metadata as { deletionGracePeriodSeconds?: number })
    .deletionGracePeriodSeconds
  const stays = deletionTimestamp !== undefined && (finalizers.length > 0 || (grace ?? 0) > 0)
  return stays ? { left: answer } : { gone: uid }
}

/** Only its author's part: a status, or what the server sets, would be refused or owned by us. */
function applied(object: KubeObject): KubeObject {
  const { status: _, metadata, ...rest } = object
  const { name, namespace, uid, resourceVersion } = metadata
  const { labels, annotations, ownerReferences, finalizers } = metadata
  return {
    ...rest,
    metadata: defined({
      name,
      namespace,
      uid,
      resourceVersion,
      labels,
      annotations,
      ownerReferences,
      finalizers,
    }),
  }
}

function keyOfObject({ apiVersion, kind, metadata }: KubeObject): ObjectKey {
  const { namespace, name } = metadata
  return { apiVersion, kind, name, ...(namespace === undefined ? {} : { namespace }) }
}

function defined(
  metadata: {
    [K in keyof KubeObject['metadata']]: KubeObject['metadata'][K] | undefined
  },
): KubeObject['metadata'] {
  return Object.fromEntries(
    Object.entries(metadata).filter(([, value]) => value !== undefined),
  ) as unknown as KubeObject['metadata']
}

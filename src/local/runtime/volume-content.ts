/** Which files a ConfigMap, Secret, projected or downwardAPI volume holds. Pure; volumes.ts writes them. */
import { fieldOf } from './downward.ts'
import type { Objects } from './environment.ts'
import type { ConfigMapSource, Pod, SecretSource, Volume } from '../pod.ts'

export interface VolumeFile {
  content: Buffer
  mode: number
}

/** Path within the volume → file, or what is missing: then the pod waits. */
export type VolumeContent =
  | { files: Map<string, VolumeFile>; missing?: undefined }
  | { files?: undefined; missing: string }

/** undefined for volumes that are no projection of objects (emptyDir, claims). */
export function volumeContent(
  volume: Volume,
  pod: Pod,
  address: string,
  objects: Objects,
): VolumeContent | undefined {
  if (volume.configMap) return fromObject('configmap', volume.configMap, 0o644, objects)
  if (volume.secret) return fromObject('secret', volume.secret, 0o644, objects)
  if (volume.downwardAPI) return fromFields(volume.downwardAPI, 0o644, pod, address)
  if (!volume.projected) return undefined
  const mode = volume.projected.defaultMode ?? 0o644
  const files = new Map<string, VolumeFile>()
  for (const source of volume.projected.sources ?? []) {
    const part = source.configMap
      ? fromObject('configmap', source.configMap, mode, objects)
      : source.secret
        ? fromObject('secret', source.secret, mode, objects)
        : fromFields(source.downwardAPI ?? {}, mode, pod, address)
    if (part.missing !== undefined) return part
    for (const [path, file] of part.files) files.set(path, file)
  }
  return { files }
}

function fromObject(
  kind: 'configmap' | 'secret',
  source: ConfigMapSource | SecretSource,
  fallbackMode: number,
  objects: Objects,
): VolumeContent {
  const name = ('secretName' in source ? source.secretName : undefined) ?? source.name ?? ''
  const data = kind === 'configmap' ? objects.configMap(name) : objects.secret(name)
  const mode = source.defaultMode ?? fallbackMode
  const files = new Map<string, VolumeFile>()
  if (data === undefined) {
    return source.optional ? { files } : { missing: `${kind} "${name}" not found` }
  }
  const items =
    source.items ?? Object.keys(data).map((key) => ({ key, path: key, mode: undefined }))
  for (const item of items) {
    const content = data[item.key]
    if (content !== undefined) files.set(item.path, { content, mode: item.mode ?? mode })
    else if (!source.optional) {
      return { missing: `references non-existent key "${item.key}" of ${kind} "${name}"` }
    }
  }
  return { files }
}

function fromFields(
  source: NonNullable<Volume['downwardAPI']>,
  fallbackMode: number,
  pod: Pod,
  address: string,
): VolumeContent {
  const files = new Map<string, VolumeFile>()
  for (const item of source.items ?? []) {
    const value = fieldOf(pod, address, item.fieldRef?.fieldPath ?? '') ?? ''
    const mode = item.mode ?? source.defaultMode ?? fallbackMode
    files.set(item.path, { content: Buffer.from(value), mode })
  }
  return { files }
}

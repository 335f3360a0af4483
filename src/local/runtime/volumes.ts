/** A pod's volumes as folders of this machine, and each container's mounts as links to them. */
import { mkdir, symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Container, Pod, Volume } from '../pod.ts'
import { writeAtomically } from './atomic-writer.ts'
import type { Objects } from './environment.ts'
import { volumeContent, type VolumeFile } from './volume-content.ts'

export interface PodVolumes {
  /** Writes what has changed. Resolves with what a non-optional volume waits for, or undefined. */
  refresh(pod: Pod, objects: Objects): Promise<string | undefined>
  /** Folder in which the container's mount paths lie as if it were `/`. */
  root(container: Container): string
}

/**
 * @param folder short, as paths of unix sockets in it hold at most 107 bytes
 * @param claims where PersistentVolumeClaims lie: one folder each, for all pods, until `local` ends
 */
export async function openVolumes(input: {
  pod: Pod
  folder: string
  claims: string
  address: string
  now: () => Date
}): Promise<PodVolumes> {
  const { pod, folder, claims, address, now } = input
  const namespace = pod.metadata.namespace ?? 'default'
  const { volumes = [], containers, initContainers = [] } = pod.spec
  const written = new Map<string, string>()
  let turn: Promise<unknown> = Promise.resolve()

  const folderOf = (volume: Volume): string => {
    const claim = volume.persistentVolumeClaim?.claimName
    return claim === undefined
      ? join(folder, 'v', volume.name)
      : join(claims, `${namespace}_${claim}`)
  }
  const rootOf = (container: Container): string =>
    join(
      folder,
      String([...initContainers, ...containers].findIndex(({ name }) => name === container.name)),
    )

  for (const volume of volumes) await mkdir(folderOf(volume), { recursive: true })
  for (const container of [...initContainers, ...containers]) {
    const root = rootOf(container)
    await mkdir(join(root, container.workingDir ?? '/'), { recursive: true })
    for (const { name, mountPath } of container.volumeMounts ?? []) {
      const volume = volumes.find((each) => each.name === name)
      if (volume === undefined) continue
      const target = join(root, mountPath)
      await mkdir(dirname(target), { recursive: true })
      await symlink(folderOf(volume), target)
    }
  }

  async function write(current: Pod, objects: Objects): Promise<string | undefined> {
    for (const volume of volumes) {
      const content = volumeContent(volume, current, address, objects)
      if (content === undefined) continue
      if (content.missing !== undefined) return `volume "${volume.name}": ${content.missing}`
      const digest = digestOf(content.files)
      if (written.get(volume.name) === digest) continue
      await writeAtomically(folderOf(volume), content.files, now())
      written.set(volume.name, digest)
    }
    return undefined
  }

  return {
    root: rootOf,
    refresh(current, objects) {
      // One at a time: two writers of one folder would remove each other's files.
      const result = turn.then(() => write(current, objects))
      turn = result.catch(() => undefined)
      return result
    },
  }
}

/** All of the content itself: small, and compared with its own former self only. */
function digestOf(files: ReadonlyMap<string, VolumeFile>): string {
  return JSON.stringify(
    [...files].map(([path, { content, mode }]) => [path, mode, content.toString('base64')]),
  )
}

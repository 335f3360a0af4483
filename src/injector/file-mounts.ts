/** Where a sender's sidecar mounts the volume whose files it reads: at the places where the application sees them. Pure. */
import type { LogstashLink } from '../api/link.ts'
import { mounts } from '../api/names.ts'
import { allContainers } from './pod-facts.ts'
import type { Pod, PodContainer, PodMount } from './pod.ts'

/** `paths`: mount paths, none within another; or the sentence that says why there is none. */
export type FileMounts =
  | { paths: string[]; refused?: never }
  | { paths?: never; refused: { reason: 'VolumeNotMounted' | 'MountConflict'; message: string } }

/** Folders of the sidecar's image and ours in it: a volume over one of them would keep the sidecar from starting. */
const imageFolders = [
  '/app',
  '/etc',
  '/lib',
  '/lib64',
  '/usr/lib',
  '/usr/local/bin',
  '/dev',
  '/proc',
  '/sys',
]

export function fileMounts({ spec }: Pod, link: LogstashLink): FileMounts {
  const files = link.spec.sender?.collect.files
  const paths = new Set<string>()
  for (const glob of files?.paths ?? []) {
    const found = mountOf(glob, files?.volume ?? '', allContainers(spec))
    if (found.refused !== undefined) return found
    paths.add(found.path)
  }
  const all = [...paths].toSorted()
  const nested = all.find((path) => all.some((other) => other !== path && isWithin(path, other)))
  if (nested !== undefined) {
    return conflict(
      `Volume ${files?.volume}, which \`spec.sender.collect.files.volume\` names, is mounted at ${all.join(' and ')}, one within the other, and all of these are needed for \`spec.sender.collect.files.paths\`; keep to one of them.`,
    )
  }
  return { paths: all }
}

/** The one place at which containers of the pod mount the volume with the files of a glob in it. */
function mountOf(
  glob: string,
  volume: string,
  containers: readonly PodContainer[],
): { path: string; refused?: never } | Extract<FileMounts, { refused: object }> {
  const folder = fixedPart(glob)
  const holding = containers.flatMap((container) => {
    // A deeper mount hides what the volume of a higher one has there.
    const [deepest] = (container.volumeMounts ?? [])
      .filter(({ mountPath }) => isWithin(folder, trimmed(mountPath)))
      .toSorted((a, b) => trimmed(b.mountPath).length - trimmed(a.mountPath).length)
    return deepest?.name === volume ? [{ container, mount: deepest }] : []
  })
  const partial = holding.find(({ mount }) => !isWhole(mount))
  if (partial !== undefined) {
    const { container, mount } = partial
    return notMounted(
      `Container ${container.name} mounts a part of volume ${volume} at ${mount.mountPath} (subPath), where ${glob} of \`spec.sender.collect.files.paths\` lies; a sidecar can mount whole volumes only.`,
    )
  }
  const [path, ...others] = new Set(holding.map(({ mount }) => trimmed(mount.mountPath)))
  if (path === undefined) {
    return notMounted(
      `No container of the pod mounts volume ${volume} where ${glob} of \`spec.sender.collect.files.paths\` lies; ${mountedAt(volume, containers)}`,
    )
  }
  if (others.length > 0) {
    return conflict(
      `Containers of the pod mount volume ${volume} at ${[path, ...others].join(' and ')}, so that ${glob} of \`spec.sender.collect.files.paths\` could be either's; keep to one of them.`,
    )
  }
  const hidden = hiddenBy(path)
  if (hidden !== undefined) {
    return conflict(
      `Volume ${volume} is mounted at ${path}, where a sidecar has ${hidden}; mount it elsewhere for the files of \`spec.sender.collect.files.paths\`.`,
    )
  }
  return { path }
}

/** The folder that a glob begins with: all of it before the first part with a wildcard, without the file's own name. */
function fixedPart(glob: string): string {
  const parts = glob.split('/')
  const wild = parts.findIndex((part) => /[*?[\]{}]/.test(part))
  return parts.slice(0, wild === -1 ? -1 : wild).join('/')
}

/** A folder that the mount would hide, or in which it would lie and cannot be made. */
function hiddenBy(path: string): string | undefined {
  const own = Object.values(mounts).find((mount) => isWithin(mount, path) || isWithin(path, mount))
  return own ?? imageFolders.find((folder) => isWithin(folder, path))
}

function mountedAt(volume: string, containers: readonly PodContainer[]): string {
  const all = containers.flatMap(({ volumeMounts = [] }) =>
    volumeMounts.filter(({ name }) => name === volume).map(({ mountPath }) => mountPath),
  )
  const places = [...new Set(all)].toSorted()
  return places.length === 0
    ? 'none mounts it at all.'
    : `it is mounted at ${places.join(' and ')}, and the part of a path before its first wildcard must lie there.`
}

function isWhole({ subPath, subPathExpr }: PodMount): boolean {
  return (subPath ?? '') === '' && (subPathExpr ?? '') === ''
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === '/' ? folder : `${folder}/`)
}

function trimmed(path: string): string {
  return path.replace(/(?<=.)\/+$/, '')
}

function notMounted(message: string): Extract<FileMounts, { refused: object }> {
  return { refused: { reason: 'VolumeNotMounted', message } }
}

function conflict(message: string): Extract<FileMounts, { refused: object }> {
  return { refused: { reason: 'MountConflict', message } }
}

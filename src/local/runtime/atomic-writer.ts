/**
 * Writes a volume's files as the kubelet does, so that readers see all of an update or nothing of it:
 *
 *   volume/
 *     ..2026_11_22_16_28_12.x7Gk2a/   the files
 *     ..data -> ..2026_11_22_16_28_12.x7Gk2a     swapped by one rename
 *     tls.crt -> ..data/tls.crt
 */
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { VolumeFile } from './volume-content.ts'

/** @param now for the folder's name only. */
export async function writeAtomically(
  folder: string,
  files: ReadonlyMap<string, VolumeFile>,
  now: Date,
): Promise<void> {
  const stamp = now.toISOString().slice(0, 19).replace(/[-T:]/g, '_')
  const fresh = await mkdtemp(join(folder, `..${stamp}.`))
  for (const [path, { content, mode }] of files) {
    const target = join(fresh, path)
    await mkdir(dirname(target), { recursive: true })
    await writeFile(target, content)
    await chmod(target, mode)
  }
  const data = join(folder, '..data')
  const before = await readlink(data).catch(() => undefined)
  await symlink(basename(fresh), `${data}_tmp`)
  await rename(`${data}_tmp`, data)

  const wanted = new Set([...files.keys()].map((path) => path.split('/')[0] ?? path))
  for (const entry of await readdir(folder)) {
    if (!entry.startsWith('..') && !wanted.has(entry)) await rm(join(folder, entry))
  }
  for (const entry of wanted) {
    const link = join(folder, entry)
    const there = await lstat(link).catch(() => undefined)
    if (there === undefined) await symlink(join('..data', entry), link)
  }
  if (before !== undefined) await rm(join(folder, before), { recursive: true, force: true })
}

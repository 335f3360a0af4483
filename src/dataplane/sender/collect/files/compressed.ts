/** Copies that a rotator compressed, told by their first bytes: their lines were read before they were compressed. */

const formats = {
  gzip: [0x1f, 0x8b],
  zstd: [0x28, 0xb5, 0x2f, 0xfd],
  bzip2: [0x42, 0x5a, 0x68],
  xz: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00],
} as const

/** So many first bytes tell. */
export const magicBytes = 6

export function compressionOf(head: Buffer): keyof typeof formats | undefined {
  const names = Object.keys(formats) as (keyof typeof formats)[]
  return names.find((name) => formats[name].every((byte, index) => head[index] === byte))
}

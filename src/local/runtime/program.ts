/**
 * Turns a container into a program of this machine: command and arguments, with the paths of its mounts rewritten to
 * where they really lie. Pure.
 */
import { join } from 'node:path'
import { expand } from './environment.ts'
import type { Container } from '../pod.ts'

export interface Program {
  file: string
  args: string[]
  env: Record<string, string>
  cwd: string
}

/** What stands in for images: this package for its own, the running Node for `node`. */
export interface Programs {
  node: string
  /** Path of bin/logstash-link.js. */
  own: string
}

/**
 * @param root folder in which the container's mount paths lie as if it were `/`
 * @param env already expanded, not yet rewritten
 */
export function programOf(
  container: Container,
  root: string,
  env: Record<string, string>,
  programs: Programs,
): Program {
  const mountPaths = (container.volumeMounts ?? []).map((mount) => mount.mountPath)
  const rewrite = pathRewriter(root, mountPaths)
  const words = [...(container.command ?? []), ...(container.args ?? [])]
    .map((word) => expand(word, env))
    .map(rewrite)
  const [file, args] = fileAndArgs(container, words, programs)
  return {
    file,
    args,
    env: Object.fromEntries(Object.entries(env).map(([name, value]) => [name, rewrite(value)])),
    cwd: join(root, container.workingDir ?? '/'),
  }
}

function fileAndArgs(
  container: Container,
  words: string[],
  { node, own }: Programs,
): [string, string[]] {
  const [first = '', ...rest] = words
  if (isOwnImage(container.image)) {
    const args = container.command === undefined ? words : rest
    return [node, [own, ...args]]
  }
  if (first === 'logstash-link') return [node, [own, ...rest]]
  if (first === 'node') return [node, rest]
  return [first, rest]
}

/** Whether an image is this product's: `…/logstash-link`, with any registry, tag or digest. */
export function isOwnImage(image = ''): boolean {
  const last = image.split('@')[0]?.split('/').at(-1) ?? ''
  return last.split(':')[0] === 'logstash-link'
}

/**
 * Puts `root` before each mount path that stands in a text as a path of its own or as the beginning of one: at the start
 * or after a character that no path has before its first slash (`=`, `:`, a blank), and before `/` or its end.
 */
export function pathRewriter(root: string, mountPaths: string[]): (text: string) => string {
  if (mountPaths.length === 0) return (text) => text
  const longestFirst = mountPaths
    .map((path) => path.replace(/\/+$/, ''))
    .toSorted((a, b) => b.length - a.length)
    .map((path) => path.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`))
  const pattern = new RegExp(String.raw`(?<![\w./-])(${longestFirst.join('|')})(?![\w.-])`, 'g')
  return (text) => text.replace(pattern, (path) => root + path)
}

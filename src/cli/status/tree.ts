/**
 * A tree as lines of text:
 *
 *   LogstashLink shop/orders ✔ Ready
 *   ├─ identity  ✔ orders-receiver-tls …
 *   └─ senders   ✘ 2 of 3 are ready
 *      ├─ web-1  ✔ …
 *      └─ web-2  ✘ a long text goes on
 *                below itself
 *
 * Names of siblings are padded to one column, details wrap beside them, or below where too little room is left. Pure.
 */
import type { Mark, Paint } from './paint.ts'
import { wrap } from './wrap.ts'

export interface TreeNode {
  name: string
  mark?: Mark
  detail: string
  children?: TreeNode[]
}

interface Room {
  width: number
  paint: Paint
}

/** Names longer than this do not push their siblings' details aside. */
const widestName = 40
/** A detail column narrower than this goes below its name. */
const narrowest = 36

export function treeLines(root: TreeNode, room: Room): string[] {
  const { paint } = room
  const mark = root.mark === undefined ? '' : ` ${paint.mark(root.mark)}`
  const start = root.name.length + (root.mark === undefined ? 1 : 3)
  const [first = '', ...more] = wrap(root.detail, Math.max(narrowest, room.width - start))
  const head = `${paint.strong(root.name)}${mark} ${tinted(root.mark, first, paint)}`.trimEnd()
  const bar = (root.children ?? []).length > 0 ? '│' : ' '
  const below = more.map(
    (line) => `${paint.faint(bar)}${' '.repeat(start - 1)}${tinted(root.mark, line, paint)}`,
  )
  return [head, ...below, ...childLines(root.children ?? [], '', room)]
}

function childLines(nodes: readonly TreeNode[], indent: string, room: Room): string[] {
  const names = nodes.map(({ name }) => name.length).filter((length) => length <= widestName)
  const column = Math.max(0, ...names)
  return nodes.flatMap((node, index) => {
    const isLast = index === nodes.length - 1
    const branch = `${indent}${isLast ? '└─ ' : '├─ '}`
    const beneath = `${indent}${isLast ? '   ' : '│  '}`
    const hasChildren = (node.children ?? []).length > 0
    return [
      ...nodeLines(node, { branch, beneath: `${beneath}${hasChildren ? '│' : ' '}`, column }, room),
      ...childLines(node.children ?? [], beneath, room),
    ]
  })
}

function nodeLines(
  { name, mark, detail }: TreeNode,
  { branch, beneath, column }: { branch: string; beneath: string; column: number },
  { width, paint }: Room,
): string[] {
  const sign = mark === undefined ? '' : `${paint.mark(mark)} `
  const start = branch.length + Math.max(column, name.length) + 2 + (mark === undefined ? 0 : 2)
  const fits = width - start >= Math.min(narrowest, detail.length)
  if (fits) {
    const [first = '', ...more] = wrap(detail, width - start)
    const gap = ' '.repeat(Math.max(column - name.length, 0) + 2)
    const pad = ' '.repeat(start - beneath.length)
    return [
      `${paint.faint(branch)}${name}${gap}${sign}${tinted(mark, first, paint)}`.trimEnd(),
      ...more.map((line) => `${paint.faint(beneath)}${pad}${tinted(mark, line, paint)}`),
    ]
  }
  const lines = wrap(detail, Math.max(20, width - beneath.length - 3))
  return [
    `${paint.faint(branch)}${name}${mark === undefined ? '' : ` ${paint.mark(mark)}`}`,
    ...lines.map((line) => `${paint.faint(beneath)}   ${tinted(mark, line, paint)}`),
  ]
}

/** What is not well stands out; what is well is read as it is. */
function tinted(mark: Mark | undefined, text: string, paint: Paint): string {
  return mark === undefined || mark === 'well' ? text : paint.marked(mark, text)
}

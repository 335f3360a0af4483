/** Foreign text on a terminal. Pure. */

/** Without control characters, which could move the cursor or change the screen. */
export function plain(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, '\ufffd')
}

/** Cut or filled to a width. */
export function column(text: string, width: number): string {
  return text.length <= width ? text.padEnd(width) : `${text.slice(0, width - 1)}…`
}

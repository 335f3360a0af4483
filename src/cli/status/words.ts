/** Numbers as people read them. Pure. */

const steps: readonly [string, number][] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
]

/** The largest unit that fits, and the next one below while the number is small: `3d`, `2h15m`, `42s`, `180ms`. */
export function span(ms: number): string {
  const index = steps.findIndex(([, size]) => ms >= size)
  const [unit, size] = steps[index] ?? ['ms', 1]
  const whole = Math.floor(ms / size)
  const [lesser, lesserSize] = steps[index + 1] ?? ['', 0]
  const rest = lesserSize === 0 ? 0 : Math.floor((ms % size) / lesserSize)
  if (unit === 's' || whole >= 10 || rest === 0) return `${whole}${unit}`
  return `${whole}${unit}${rest}${lesser}`
}

/** `512 B`, `1.5 KiB`, `64 MiB`. */
export function size(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10))
  const value = bytes / 1024 ** power
  return `${value >= 10 || power === 0 ? Math.round(value) : value.toFixed(1)} ${units[power]}`
}

/** `1 event`, `12,345 events`. */
export function counted(count: number, one: string): string {
  return `${count.toLocaleString('en-US')} ${one}${count === 1 ? '' : 's'}`
}

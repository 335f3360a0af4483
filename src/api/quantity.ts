/** Quantities of Kubernetes: sizes of ours in bytes, and the resources of containers. */
import { TerminalError } from '../errors.ts'
import { resource, size } from './patterns.ts'
import { show } from './show.ts'

const factors: Record<string, number> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
}

/**
 * `64Mi`, `500k` or `1048576` → bytes, a safe integer above zero.
 * @throws TerminalError LSL_QUANTITY_INVALID that names `field`
 */
export function parseQuantity(text: string | number, field: string): number {
  if (!new RegExp(size.pattern).test(String(text)))
    throw new TerminalError('LSL_QUANTITY_INVALID', [field, show(text)])
  return valueOf(String(text))
}

/** A container's resource such as `50m`, `0.5` or `256Mi` → its amount, or undefined where it is none. */
export function resourceAmount(text: string | number): number | undefined {
  return new RegExp(resource.pattern).test(String(text)) ? valueOf(String(text)) : undefined
}

function valueOf(text: string): number {
  const suffix = /[A-Za-z]*$/.exec(text)?.[0] ?? ''
  const factor = factors[suffix]
  return factor === undefined
    ? Number(text)
    : Number(text.slice(0, text.length - suffix.length)) * factor
}

/** Rules in CEL, evaluated as the API server would: its quantity library is not part of CEL and is added here. */
import { Environment } from '@marcbachmann/cel-js'
import { resourceAmount } from '../../src/api/quantity.ts'

class Quantity {
  readonly amount: number
  constructor(amount: number) {
    this.amount = amount
  }
}

const environment = new Environment()
  .registerVariable('self', 'dyn')
  .registerType('Quantity', Quantity)
  .registerFunction(
    'isQuantity(string): bool',
    (text: string) => resourceAmount(text.replace(/^[-+]/, '')) !== undefined,
  )
  .registerFunction('quantity(string): Quantity', (text: string) => {
    const amount = resourceAmount(text.replace(/^[-+]/, ''))
    if (amount === undefined) throw new Error(`${text} is no quantity`)
    return new Quantity(text.startsWith('-') ? -amount : amount)
  })
  .registerFunction('Quantity.compareTo(Quantity): int', (a: Quantity, b: Quantity) =>
    BigInt(Math.sign(a.amount - b.amount)),
  )

const parsed = new Map<string, ReturnType<typeof environment.parse>>()

/** Throws where the expression fails, as it does on a type that it did not expect. */
export function celHolds(rule: string, self: unknown): boolean {
  const expression = parsed.get(rule) ?? environment.parse(rule)
  parsed.set(rule, expression)
  const answer: unknown = expression({ self: celValue(self) })
  if (typeof answer !== 'boolean') throw new TypeError(`Expected a boolean of ${rule}`)
  return answer
}

/** Integers are CEL's, and names of fields are escaped as Kubernetes escapes them. */
function celValue(value: unknown): unknown {
  if (typeof value === 'number' && Number.isInteger(value)) return BigInt(value)
  if (Array.isArray(value)) return value.map(celValue)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key === 'ephemeral-storage' ? 'ephemeral__dash__storage' : key,
      celValue(inner),
    ]),
  )
}

/** Label selectors, by the rules of Kubernetes. */
import type { LabelSelector } from './objects.ts'

/**
 * Whether labels satisfy a selector: all of matchLabels and all of matchExpressions. An empty selector matches
 * everything, NotIn matches where the label is absent, an unknown operator matches nothing.
 */
export function matchesSelector(
  selector: LabelSelector,
  labels: Readonly<Record<string, string>> | undefined,
): boolean {
  const has = labels ?? {}
  const equal = Object.entries(selector.matchLabels ?? {}).every(
    ([key, value]) => has[key] === value,
  )
  return equal && (selector.matchExpressions ?? []).every((one) => matchesExpression(one, has))
}

type Expression = NonNullable<LabelSelector['matchExpressions']>[number]

function matchesExpression(
  { key, operator, values = [] }: Expression,
  labels: Readonly<Record<string, string>>,
): boolean {
  const value = labels[key]
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value)
    case 'NotIn':
      return value === undefined || !values.includes(value)
    case 'Exists':
      return value !== undefined
    case 'DoesNotExist':
      return value === undefined
    default:
      return false
  }
}

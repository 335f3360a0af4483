/** Rules of the label selectors. */
import type { LogstashLinkSpec } from './link.ts'
import { labelKey } from './patterns.ts'
import { celText, rulesAt } from './rule.ts'

type Selector = NonNullable<LogstashLinkSpec['receiver']['selector']>
type Expression = NonNullable<Selector['matchExpressions']>[number]

const places = ['spec.receiver.selector', 'spec.sender.selector']

export const selectorRules = [
  ...rulesAt<Selector>(places, [
    {
      field: '',
      cel: '(has(self.matchLabels) && size(self.matchLabels) > 0) || (has(self.matchExpressions) && size(self.matchExpressions) > 0)',
      says: 'to have matchLabels or matchExpressions: an empty selector would pick every pod of the namespace',
      holds: ({ matchLabels = {}, matchExpressions = [] }) =>
        Object.keys(matchLabels).length + matchExpressions.length > 0,
    },
  ]),
  ...rulesAt<Record<string, string>>(
    places.map((place) => `${place}.matchLabels`),
    [
      {
        field: '',
        cel: `self.all(key, size(key) <= ${labelKey.maxLength} && key.matches(${celText(labelKey.pattern)}))`,
        says: `to have as keys only keys of labels, such as app or app.kubernetes.io/name`,
        holds: (labels) =>
          Object.keys(labels).every(
            (key) => key.length <= labelKey.maxLength && new RegExp(labelKey.pattern).test(key),
          ),
      },
    ],
  ),
  ...rulesAt<Expression>(
    places.map((place) => `${place}.matchExpressions[]`),
    [
      {
        field: 'values',
        cel: "!(self.operator in ['In', 'NotIn']) || (has(self.values) && size(self.values) > 0)",
        says: 'to hold at least one value for the operators In and NotIn',
        holds: ({ operator, values = [] }) =>
          !['In', 'NotIn'].includes(operator) || values.length > 0,
      },
      {
        field: 'values',
        cel: "!(self.operator in ['Exists', 'DoesNotExist']) || !has(self.values) || size(self.values) == 0",
        says: 'to be left out for the operators Exists and DoesNotExist',
        holds: ({ operator, values = [] }) =>
          !['Exists', 'DoesNotExist'].includes(operator) || values.length === 0,
      },
    ],
  ),
]

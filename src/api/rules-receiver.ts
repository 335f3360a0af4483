/** Rules of spec.receiver and of what stands in it. */
import type { LogstashLinkSpec } from './link.ts'
import { exactlyOne, rulesAt } from './rule.ts'

type Receiver = LogstashLinkSpec['receiver']

/** Field → how it looks when nothing was said; each belongs to the receiver sidecars that only a selector makes. */
const ofSidecars: [field: string, cel: string, holds: (self: Receiver) => boolean][] = [
  ['deliver', '!has(self.deliver)', (self) => self.deliver === undefined],
  ['port', 'self.port == 9800', (self) => self.port === 9800],
  ['deadLetter', "self.deadLetter.maxSize == '16Mi'", (self) => self.deadLetter.maxSize === '16Mi'],
  [
    'sidecar',
    "self.sidecar.logLevel == 'Info' && !has(self.sidecar.resources.requests) && !has(self.sidecar.resources.limits)",
    ({ sidecar }) =>
      sidecar.logLevel === 'Info' &&
      sidecar.resources.requests === undefined &&
      sidecar.resources.limits === undefined,
  ],
]

function instead(field: string): string {
  return field === 'port'
    ? ': the port stands in `spec.receiver.serviceRef.port`, or behind each of the hosts'
    : ': no receiver sidecars are made for serviceRef and hosts'
}

export const receiverRules = [
  ...rulesAt<Receiver>(
    ['spec.receiver'],
    [
      {
        field: '',
        ...exactlyOne(['selector', 'serviceRef', 'hosts']),
        says: 'to have exactly one of selector, serviceRef and hosts',
      },
      {
        field: 'deliver',
        cel: '!has(self.selector) || has(self.deliver)',
        says: 'to be given beside `spec.receiver.selector`: it says how events reach the application',
        holds: (self) => self.selector === undefined || self.deliver !== undefined,
      },
      ...ofSidecars.map(([field, cel, holds]) => ({
        field,
        cel: `has(self.selector) || !(has(self.serviceRef) || has(self.hosts)) || (${cel})`,
        says: `to be left out without \`spec.receiver.selector\`${instead(field)}`,
        holds: (self: Receiver) =>
          self.selector !== undefined ||
          (self.serviceRef === undefined && self.hosts === undefined) ||
          holds(self),
      })),
      ...(['http', 'tcp'] as const).map((way) => ({
        field: `deliver.${way}.port`,
        cel: `!has(self.deliver) || !has(self.deliver.${way}) || self.deliver.${way}.port != self.port`,
        says: 'to be another port than `spec.receiver.port`: the receiver would deliver to itself',
        holds: (self: Receiver) => self.deliver?.[way]?.port !== self.port,
      })),
    ],
  ),
  ...rulesAt<object>(
    ['spec.receiver.deliver'],
    [
      {
        field: '',
        ...exactlyOne(['http', 'tcp', 'unix', 'file', 'stdout']),
        says: 'to have exactly one of http, tcp, unix, file and stdout',
      },
    ],
  ),
]

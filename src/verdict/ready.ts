/** Ready: the sum of all other conditions. */
import type { ConditionType } from '../api/conditions.ts'
import type { AnyFinding, Finding } from './finding.ts'

type Others = Record<Exclude<ConditionType, 'Ready'>, AnyFinding>

/**
 *  the others                                     | Ready
 *  -----------------------------------------------+--------------------------
 *  Accepted False                                 | False NotAccepted
 *  any other but Delivering False                 | False NotReady
 *  none of them False, one Unknown                | Unknown Pending
 *  all True, Delivering False                     | False NotDelivering
 *  all True, Delivering True or Unknown           | True Ready
 */
export function ready(others: Others): Finding<'Ready'> {
  const { Delivering, ...needed } = others
  const entries = Object.entries(needed)
  const bad = entries.find(([, { status }]) => status === 'False')
  if (bad !== undefined) {
    const reason = bad[0] === 'Accepted' ? 'NotAccepted' : 'NotReady'
    return { status: 'False', reason, message: told(bad) }
  }
  const open = entries.find(([, { status }]) => status === 'Unknown')
  if (open !== undefined) return { status: 'Unknown', reason: 'Pending', message: told(open) }
  if (Delivering.status === 'False') {
    const message = told(['Delivering', Delivering])
    return { status: 'False', reason: 'NotDelivering', message }
  }
  return { status: 'True', reason: 'Ready', message: 'All conditions hold.' }
}

function told([type, { reason, message }]: [string, AnyFinding]): string {
  return `${type} is ${reason}: ${message}`
}

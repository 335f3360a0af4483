/** What `status` shows of a link, as plain data: `-o json` prints this, the tree is made of it. */
import type { Condition } from '../../api/link.ts'
import type { Role } from '../../api/names.ts'
import type { Report } from './report.ts'

export interface LinkView {
  namespace: string
  name: string
  /** Ready is True, and the operator has seen the present spec. */
  ready: boolean
  /** Why it is not, where no condition says so: the operator has not looked at it. */
  notSeen?: string
  conditions: Condition[]
  identities: IdentityView[]
  hosts: string[]
  hostCount: number
  /** Absent where the link has no such role in pods. */
  receivers?: RoleView
  senders?: RoleView
}

export interface IdentityView {
  role: Role
  secretName: string
  /** `Issuer shop-ca`. */
  issuer: string
  /** RFC 3339; absent while there is none. */
  notAfter?: string
  renewalTime?: string
  /** Why there is none, as cert-manager says, or why it could not be looked at. */
  problem?: string
}

export interface RoleView {
  desired: number
  ready: number
  pods: PodView[]
  /** Pods were not to be seen: why. */
  notSeen?: string
  /** What to type so that missing and outdated sidecars come. */
  restart: string[]
}

export type PodState = 'Ready' | 'NotReady' | 'NotInjected' | 'Outdated' | 'LeftOut' | 'OptedOut'

export interface PodView {
  name: string
  state: PodState
  /** Of the state, where it is not Ready. */
  message?: string
  ip?: string
  /** `Deployment/web`. */
  workload?: string
  /** Of the sidecar's container. */
  restarts: number
  report: Report
}

/** Time as a collaborator, so that tests decide what time it is. */
import type { KubeClock } from '../kube/clock.ts'

export { systemClock as realClock, type KubeClock as Clock } from '../kube/clock.ts'

export type Timer = ReturnType<KubeClock['setTimer']>

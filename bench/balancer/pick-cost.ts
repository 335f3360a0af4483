/** What one choice costs: a pick and its success, with hosts that have something in flight each. CPU time, not the clock's. */
import { createBalancer } from '../../src/dataplane/balancer/balancer.ts'

const sizes = [3, 30, 100, 1000]
const picks = 100_000

export function costOfPick(): { hosts: number; 'ns per pick and success': number }[] {
  return sizes.map((hosts) => {
    run(hosts, 10_000)
    return { hosts, 'ns per pick and success': Math.round(run(hosts, picks)) }
  })
}

function run(hosts: number, count: number): number {
  const balancer = createBalancer({ coolOff: 60_000, preferSameZone: false })
  balancer.setHosts(Array.from({ length: hosts }, (_, index) => ({ id: `10.0.0.${index}:9800` })))
  const running: { host: string; at: number }[] = []
  let now = 0
  const began = process.cpuUsage()
  for (let each = 0; each < count; each += 1) {
    now += 1
    const pick = balancer.pick(now)
    if ('host' in pick) running.push({ host: pick.host, at: now })
    const oldest = running.length > hosts ? running.shift() : undefined
    if (oldest) balancer.succeeded(oldest.host, oldest.at, now)
  }
  const { user, system } = process.cpuUsage(began)
  return (1000 * (user + system)) / count
}

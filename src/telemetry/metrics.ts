/**
 * One registry per program. Rooms make their metrics from it in a file `metrics.ts` of their own, named
 * `logstash_link_<room>_<what>_<unit>[_total]`.
 */
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'

export type { Registry } from 'prom-client'

/** A registry with the process metrics under their usual names (process_*, nodejs_*) and one that names the program. */
export function createMetrics(options: { program: string }): Registry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const info = new Gauge({
    name: 'logstash_link_program_info',
    help: 'Always 1; the label says which program this is',
    labelNames: ['program'],
    registers: [registry],
  })
  info.set({ program: options.program }, 1)
  return registry
}

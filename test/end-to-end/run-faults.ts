/** `npm run test:faults`: the fault run at full scale, too long for each `npm test`. Exit code 1 when a promise broke. */
import { parseArgs } from 'node:util'
import { runFaults } from './fault-run.ts'

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '1000000' },
    /** Events a second. */
    rate: { type: 'string', default: '35000' },
    'hang-ms': { type: 'string', default: '20000' },
    /** Folder that keeps logs and what was delivered. */
    keep: { type: 'string' },
  },
})
const result = await runFaults({
  events: Number(values.events),
  rate: Number(values.rate),
  hangMs: Number(values['hang-ms']),
  ...(values.keep === undefined ? {} : { keep: values.keep }),
})
console.table({ ...result, shares: result.shares.join(' ') })
const broken = [
  result.missing > 0 && `${result.missing} events are missing`,
  result.exitCode !== 0 && `the sender ended with ${result.exitCode}`,
  result.longestStop > 2000 && `delivery stopped for ${result.longestStop} ms`,
  !result.rotated && 'the new certificate is not served',
].filter((each) => each !== false)
if (broken.length > 0) {
  console.error(broken.join('\n'))
  process.exitCode = 1
}

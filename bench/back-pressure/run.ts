/**
 * `npm run bench:back-pressure`: an hour's worth of traffic at ten times what the application takes, in a minute. Prints
 * the memory of sender and receiver after each tenth; exits with 1 where it grew in the second half, or an event is missing.
 */
import { parseArgs } from 'node:util'
import { growthOf, runPressure } from '../../test/support/pressure-run.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    /** Events a second that the application takes: 10,000 in a minute are 167 a second in an hour. */
    rate: { type: 'string', default: '10000' },
    queue: { type: 'string', default: '64Mi' },
  },
})
const { tenths, ...counts } = await runPressure({
  seconds: Number(values.seconds),
  rate: Number(values.rate),
  queueSize: values.queue,
})
console.table(
  tenths.map(({ sender, receiver }) => ({ 'sender, MiB': sender, 'receiver, MiB': receiver })),
)
console.table([counts])
const growth = {
  sender: growthOf(tenths.map(({ sender }) => sender)),
  receiver: growthOf(tenths.map(({ receiver }) => receiver)),
}
console.log(
  `most by least memory of the second half: sender ${growth.sender.toFixed(2)}, receiver ${growth.receiver.toFixed(2)}`,
)
process.exitCode = counts.missing > 0 || Math.max(growth.sender, growth.receiver) > 1.5 ? 1 : 0

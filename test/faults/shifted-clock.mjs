// Loaded before a program (node --import): its wall clock is as many milliseconds off as the file says that the
// environment names, read again all the time. The monotonic clock goes on, as it does when a machine's clock is set.
import { readFileSync } from 'node:fs'

const file = process.env.FAULTS_CLOCK_FILE ?? ''
let shift = 0

function readShift() {
  try {
    shift = Number(readFileSync(file, 'utf8'))
  } catch {
    // No file: the clock was not set yet.
    shift = 0
  }
}

const RealDate = Date
class ShiftedDate extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(RealDate.now() + shift)
    else super(...args)
  }
  static now() {
    return RealDate.now() + shift
  }
}
globalThis.Date = ShiftedDate
readShift()
setInterval(readShift, 50).unref()

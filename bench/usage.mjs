// Loaded into a measured program by --import: on exit it writes what the operating system counted for that process.
import { writeFileSync } from 'node:fs'

const { BENCH_USAGE_FILE: path } = process.env
if (path) {
  process.on('exit', () => {
    const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage()
    writeFileSync(
      path,
      JSON.stringify({ cpuMicros: userCPUTime + systemCPUTime, peakRssKiB: maxRSS }),
    )
  })
}

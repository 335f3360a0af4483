/**
 * The folder of one run of `local`, for its user alone, and what earlier runs left behind. The guardian ends the processes
 * of a run that was killed; should it have been killed too, the next run finds the folder and does its work:
 *
 *   lsl-a1B2c3/owner        id and start time of the `local` that made it
 *   lsl-a1B2c3/pids/4711    start time of a process group of it
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'

export interface RunFolder {
  readonly path: string
  add(processGroup: number): void
  remove(processGroup: number): void
}

const prefix = 'lsl-'

/** @param parent such as os.tmpdir(); short, as paths of unix sockets below it hold at most 107 bytes */
export async function createRunFolder(parent: string): Promise<RunFolder> {
  const path = await mkdtemp(join(parent, prefix))
  mkdirSync(join(path, 'pids'))
  writeFileSync(join(path, 'owner'), `${process.pid} ${startTime(process.pid) ?? ''}`)
  const file = (group: number): string => join(path, 'pids', String(group))
  return {
    path,
    add: (group) => writeFileSync(file(group), startTime(group) ?? ''),
    remove: (group) => rmSync(file(group), { force: true }),
  }
}

/** Ends processes and removes folders of runs whose `local` is gone. Returns how many runs there were. */
export function sweepRunFolders(parent: string): number {
  const dead = readdirSync(parent)
    .filter((name) => name.startsWith(prefix))
    .map((name) => join(parent, name))
    .filter(isAbandoned)
  for (const folder of dead) {
    for (const name of readdirSync(join(folder, 'pids'))) {
      const group = Number(name)
      const then = readFileSync(join(folder, 'pids', name), 'utf8')
      // Without a start time nothing tells whether the id is still the same process: then it is left alone.
      if (then !== '' && startTime(group) === then) killGroup(group)
    }
    rmSync(folder, { recursive: true, force: true })
  }
  return dead.length
}

function isAbandoned(folder: string): boolean {
  try {
    if (statSync(folder).uid !== process.getuid?.()) return false
    const [pid = '', then = ''] = readFileSync(join(folder, 'owner'), 'utf8').split(' ')
    return then !== '' && startTime(Number(pid)) !== then
  } catch {
    // No owner file: not a folder of ours, or one that is being made or removed at this moment.
    return false
  }
}

/** The kernel's start time of a process; undefined where it is gone, or where there is no /proc. */
function startTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name in parentheses may hold blanks; the start time is the 20th field after it.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return undefined
  }
}

export function killGroup(group: number): void {
  try {
    process.kill(-group, 'SIGKILL')
  } catch {
    // ESRCH: it has ended by itself.
  }
}

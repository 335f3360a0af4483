/**
 * Three senders and three receivers as processes, a proxy before each receiver, an application behind them and one before
 * each sender, all on a loopback address of their own.
 *
 *   http actor ──▶ sender-http  ─┐    ┌─ proxy 0 ─ receiver-0 ─┐
 *   file actor ──▶ sender-files ─┼──▶ ├─ proxy 1 ─ receiver-1 ─┼──▶ application ──▶ checker
 *   tcp actor  ──▶ sender-tcp   ─┘    └─ proxy 2 ─ receiver-2 ─┘
 */
import { appendFileSync, cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { environment } from '../../src/api/names.ts'
import type { Application } from './application.ts'
import { startApplication } from './application.ts'
import { createCertificates, replaceFile, type Certificates } from './certificates.ts'
import type { Checker } from './checker.ts'
import type { EventId } from './events.ts'
import type { Guardian } from './guardian.ts'
import { createProcesses, type Processes } from './processes.ts'
import { startProxy, type Proxy } from './proxy.ts'
import {
  receivers,
  sources,
  type ProgramName,
  type ReceiverIndex,
  type Schedule,
  type SenderName,
} from './schedule.ts'
import {
  configOf,
  deadLettersOf,
  hostsFile,
  logsOf,
  ports,
  receiverArguments,
  receiverFile,
  senderArguments,
  senderFile,
  stateOf,
} from './settings.ts'
import { mountSmallDisk, type SmallDisk } from './small-disk.ts'

export interface World {
  seed: number
  folder: string
  address: string
  application: Application
  certificates: Certificates
  processes: Processes
  proxy(receiver: ReceiverIndex): Proxy
  /** Undefined where nothing can be mounted. */
  diskOf(sender: SenderName): SmallDisk | undefined
  changeHosts(listed: readonly ReceiverIndex[]): void
  /** Into faults.log, with the time. */
  note(text: string): void
  /** A queue was damaged on purpose, and these events may be lost with that. */
  damaged(events: readonly EventId[] | undefined): void
  /** Copies what goes away with the small disks to `<sender>/state-at-end`. */
  keepState(): void
  close(): Promise<void>
}

export const senderNames = sources.map((source) => `sender-${source}` as const)
const receiverNames = receivers.map((index) => `receiver-${index}` as const)
const programNames: readonly ProgramName[] = [...receiverNames, ...senderNames]
const roomBesideQueue = 16 * 2 ** 20

export async function startWorld(options: {
  schedule: Schedule
  folder: string
  guardian: Guardian
  checker: Checker
  canMount: boolean
  /** A number from 0 on of this world among those of the runner that run at once. */
  place: number
}): Promise<World> {
  const { schedule, folder, guardian, checker, canMount, place } = options
  const closing: (() => Promise<void> | void)[] = []
  async function close(): Promise<void> {
    for (const each of closing.splice(0).toReversed()) await each()
  }
  try {
    const address = addressOf(place)
    const application = await startApplication({
      address,
      port: ports.application,
      took: (line) => checker.arrived(line),
    })
    closing.push(() => application.close())
    const proxies = await Promise.all(
      receivers.map((index) =>
        startProxy({
          address,
          port: ports.proxy(index),
          target: { host: address, port: ports.receiver(index) },
        }),
      ),
    )
    closing.push(async () => void (await Promise.all(proxies.map((proxy) => proxy.close()))))
    const disks = new Map<SenderName, SmallDisk>()
    for (const name of senderNames) {
      const state = stateOf(folder, name)
      mkdirSync(state, { recursive: true })
      // Filled or not: on a disk that others use as well, each fsync may take longer than a fault.
      if (!canMount) continue
      const disk = mountSmallDisk(state, schedule.queueSize + roomBesideQueue)
      disks.set(name, disk)
      closing.push(() => disk.unmount())
    }
    mkdirSync(logsOf(folder), { recursive: true })
    const certificates = await createCertificates(folder, address)
    await Promise.all(programNames.map((name) => certificates.renew(name)))
    let revision = 0
    const hosts = join(folder, 'hosts.json')
    function changeHosts(listed: readonly ReceiverIndex[]): void {
      revision += 1
      replaceFile(hosts, JSON.stringify(hostsFile(address, revision, listed)))
    }
    changeHosts(receivers)
    for (const index of receivers) {
      const url = application.url(index)
      const file = receiverFile(index, { schedule, certificates, folder, url })
      replaceFile(configOf(folder, `receiver-${index}`), JSON.stringify(file))
    }
    for (const name of senderNames) {
      const file = senderFile(name, { schedule, certificates, folder, hosts })
      replaceFile(configOf(folder, name), JSON.stringify(file))
    }
    const processes = createProcesses({
      folder,
      guardian,
      env: { [environment.podAddress]: address },
      argumentsOf: (name) => commandLineOf(name, folder),
    })
    closing.push(() => processes.close())
    for (const name of programNames) processes.start(name)
    return {
      seed: schedule.seed,
      folder,
      address,
      application,
      certificates,
      processes,
      proxy: (receiver) => proxies[receiver] as Proxy,
      diskOf: (sender) => disks.get(sender),
      changeHosts,
      note: (text) =>
        appendFileSync(join(folder, 'faults.log'), `${new Date().toISOString()} ${text}\n`),
      damaged: (events) => checker.damaged(events ?? []),
      keepState() {
        for (const name of disks.keys()) {
          const kept = join(folder, name, 'state-at-end')
          cpSync(stateOf(folder, name), kept, { recursive: true })
        }
      },
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

export function deadLetterFolders(folder: string): string[] {
  return receivers.map((index) => deadLettersOf(folder, index))
}

function commandLineOf(name: ProgramName, folder: string): string[] {
  for (const index of receivers) {
    if (name === `receiver-${index}`) return receiverArguments(index, folder)
  }
  return senderArguments(name as SenderName, folder)
}

/** One for each runner and each world in it; two runners meet once in sixteen thousand times, and then one says so. */
function addressOf(place: number): string {
  return `127.${64 + ((process.pid >> 8) & 63)}.${process.pid & 255}.${1 + place}`
}

/** Who waits for events of theirs to be on the disk. */
import type { Events } from '../../wire/events.ts'

export interface Owners<Owner> {
  add(owner: Owner | undefined, events: number): void
  /** These are on the disk; answers with those all of whose events are. */
  settle(group: readonly { owner: Owner | undefined; events: Events }[]): Owner[]
  forget(owner: Owner): void
}

export function createOwners<Owner>(): Owners<Owner> {
  /** Events of each that are not on the disk yet. */
  const open = new Map<Owner, number>()

  return {
    add(owner, events) {
      if (owner !== undefined) open.set(owner, (open.get(owner) ?? 0) + events)
    },
    settle(group) {
      const done: Owner[] = []
      for (const { owner, events } of group) {
        const left = owner === undefined ? undefined : open.get(owner)
        if (owner === undefined || left === undefined) continue
        if (left > events.count) open.set(owner, left - events.count)
        else {
          open.delete(owner)
          done.push(owner)
        }
      }
      return done
    },
    forget: (owner) => void open.delete(owner),
  }
}

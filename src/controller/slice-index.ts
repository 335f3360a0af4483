/** EndpointSlices as the watches show them, by their Service. */
import { isDeepStrictEqual } from 'node:util'
import { keyOf } from '../api/objects.ts'
import type { EndpointSlice } from '../api/observed.ts'
import { serviceNameLabel } from './kinds.ts'

export interface SliceIndex {
  /** Returns the slice as it was, where that differs in what discovery reads; else undefined. */
  put(slice: EndpointSlice): { before: EndpointSlice | undefined } | undefined
  remove(slice: EndpointSlice): void
  of: (namespace: string, service: string) => EndpointSlice[]
  /** Forgets the slices of a namespace. */
  dropAll(namespace: string): void
}

export function createSliceIndex(): SliceIndex {
  const slices = new Map<string, EndpointSlice>()
  const services = new Map<string, Map<string, EndpointSlice>>()

  const remove = (slice: EndpointSlice) => {
    const key = keyOf(slice)
    const before = slices.get(key)
    if (before === undefined) return
    slices.delete(key)
    const place = serviceOf(before)
    services.get(place)?.delete(key)
    if (services.get(place)?.size === 0) services.delete(place)
  }

  return {
    put(slice) {
      const key = keyOf(slice)
      const before = slices.get(key)
      remove(slice)
      slices.set(key, slice)
      const place = serviceOf(slice)
      services.set(place, (services.get(place) ?? new Map()).set(key, slice))
      return before !== undefined && isDeepStrictEqual(contentOf(before), contentOf(slice))
        ? undefined
        : { before }
    },
    remove,
    dropAll(namespace) {
      for (const slice of [...slices.values()]) {
        if (slice.metadata.namespace === namespace) remove(slice)
      }
    },
    of: (namespace, service) => [...(services.get(`${namespace}/${service}`)?.values() ?? [])],
  }
}

function serviceOf({ metadata }: EndpointSlice): string {
  return `${metadata.namespace ?? ''}/${metadata.labels?.[serviceNameLabel] ?? ''}`
}

function contentOf(slice: EndpointSlice) {
  return [serviceOf(slice), slice.addressType, slice.endpoints, slice.ports]
}

/** Time as this room needs it; the controller's clock is one. */
export interface WebhookClock {
  /** Milliseconds since 1970. */
  now(): number
  /** Calls back once. */
  setTimer(callback: () => void, ms: number): { cancel(): void }
}

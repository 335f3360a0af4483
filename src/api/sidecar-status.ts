/**
 * What the operator reads of a sidecar's `/status`, beside whatever else stands there for people. The second and last
 * meeting point of control plane and data plane. No event content.
 */
export interface SidecarStatus {
  /** One sentence for what stops delivery, by cause (refusals, 401, TLS); absent when all is well. */
  problem?: string
  /** Age of the oldest event not yet acknowledged, ms; absent where there is none. */
  oldestEventAge?: number
  /** The certificate that it shows to the other side; absent where it shows none. SHA-256, as openssl prints it. */
  identity?: { fingerprint: string }
}

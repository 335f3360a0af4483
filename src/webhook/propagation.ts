/**
 * How long a kube-apiserver may go on with the webhook configuration that it had: it learns of a new one by a watch, after
 * whoever wrote it had the answer. docs/adr/0008-webhook-certificate-and-coverage.md says what was measured.
 */
export const propagationMs = 1000

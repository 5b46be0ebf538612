import { SubjectError } from '@threadmap/workbench/errors'

/** A proxy did not start, ended early, or did not do what it was told; the message quotes its last lines. */
export class ProxyError extends SubjectError {}

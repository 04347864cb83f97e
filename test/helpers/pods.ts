import { BlockList, isIPv6 } from 'node:net'
import { Deployment } from 'kubernetes-models/apps/v1/Deployment'
import { StatefulSet } from 'kubernetes-models/apps/v1/StatefulSet'
import { CronJob } from 'kubernetes-models/batch/v1/CronJob'
import { Job } from 'kubernetes-models/batch/v1/Job'
import {
  type INetworkPolicy,
  NetworkPolicy,
} from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy'
import { ConfigMap } from 'kubernetes-models/v1/ConfigMap'
import type { IContainer } from 'kubernetes-models/v1/Container'
import type { IPodSpec } from 'kubernetes-models/v1/PodSpec'

/* What manifests make of the pods that they start. */

type Labels = Readonly<Record<string, string>>

/** A pod of a manifest, with its one container. */
export interface Pod {
  /** Kind of what starts it. */
  readonly kind: string
  readonly labels: Labels
  readonly spec: IPodSpec
  readonly container: IContainer
}

/** @throws Error for a pod that has not exactly one container: the tests look at no other */
export const podsOf = (objects: readonly unknown[]): Pod[] =>
  [
    ...objects.filter(Deployment.is),
    ...objects.filter(StatefulSet.is),
    ...objects.filter(Job.is),
    ...objects.filter(CronJob.is).map(({ kind, spec }) => ({ kind, spec: spec?.jobTemplate.spec })),
  ].map(({ kind, spec }) => {
    const template = spec?.template
    const [container, ...others] = template?.spec?.containers ?? []
    if (template?.spec === undefined || container === undefined || others.length > 0)
      throw new Error(`the pod of a ${kind} has not one container`)
    return { kind, labels: template.metadata?.labels ?? {}, spec: template.spec, container }
  })

/** Whether a selector's labels, no one of which selects all, are among those of an object. */
export const selects = (selector: Labels | undefined, labels: Labels | undefined): boolean =>
  Object.entries(selector ?? {}).every(([name, value]) => labels?.[name] === value)

/** The port of a container by its name. */
export const portOf = ({ container }: Pod, name: unknown): number | undefined =>
  container.ports?.find((port) => port.name === name)?.containerPort

/**
 * The environment that a pod would get.
 * @param secret name of the Secret that there is, and what it holds
 * @throws Error where something is referred to that is not there, and not optional
 */
export function environmentOf(
  { container }: Pod,
  objects: readonly unknown[],
  secret: { readonly name: string; readonly values: Labels },
): Record<string, string> {
  const environment: Record<string, string> = {}
  for (const { configMapRef } of container.envFrom ?? []) {
    const name = configMapRef?.name
    const map = objects.filter(ConfigMap.is).find(({ metadata }) => metadata?.name === name)
    if (map === undefined) throw new Error(`there is no ConfigMap ${name}`)
    Object.assign(environment, map.data)
  }
  for (const { name, value, valueFrom } of container.env ?? []) {
    const { name: from, key = '', optional } = valueFrom?.secretKeyRef ?? {}
    const given = value ?? (from === secret.name ? secret.values[key] : undefined)
    if (given !== undefined) environment[name] = given
    else if (optional !== true) throw new Error(`there is nothing for ${name}`)
  }
  return environment
}

/** The policies that a pod is under. */
export const policiesOf = (pod: Pod, objects: readonly unknown[]): INetworkPolicy[] =>
  objects
    .filter(NetworkPolicy.is)
    .filter(({ spec }) => selects(spec?.podSelector?.matchLabels, pod.labels))

/** Ports that a pod may open connections to, to whomever. */
export const egressOf = (pod: Pod, objects: readonly unknown[]): unknown[] => {
  const rules = policiesOf(pod, objects).flatMap(({ spec }) => spec?.egress ?? [])
  const ports = rules.flatMap((rule) => rule.ports ?? [{ port: 'any' }])
  return [...new Set(ports.map(({ port }) => port))].toSorted()
}

/** Whether a pod may send to a port of an address that is no other pod's, by TCP if not said. */
export const reaches = (
  pod: Pod,
  objects: readonly unknown[],
  port: number,
  address: string,
  by: 'TCP' | 'UDP' = 'TCP',
): boolean =>
  policiesOf(pod, objects)
    .flatMap(({ spec }) => spec?.egress ?? [])
    .filter(
      ({ ports }) =>
        ports?.some(({ protocol = 'TCP', ...one }) => one.port === port && protocol === by) ?? true,
    )
    .some(({ to }) => to?.some(({ ipBlock }) => ipBlock && isIn(ipBlock, address)) ?? true)

function isIn(block: { readonly cidr: string; readonly except?: string[] }, address: string) {
  const within = (network: string): boolean => {
    const [net = '', prefix] = network.split('/')
    const list = new BlockList()
    list.addSubnet(net, Number(prefix), familyOf(net))
    // The list takes an address of IPv4 for one of IPv6 too; a policy does not.
    return familyOf(net) === familyOf(address) && list.check(address, familyOf(address))
  }
  return within(block.cidr) && !block.except?.some(within)
}

const familyOf = (address: string) => (isIPv6(address) ? 'ipv6' : 'ipv4')

/** Who may open connections to a pod, and to which port. */
export const ingressOf = (pod: Pod, objects: readonly unknown[]): unknown[] =>
  policiesOf(pod, objects)
    .flatMap(({ spec }) => spec?.ingress ?? [])
    .map(({ from, ports }) => ({ from, ports: ports?.map(({ port }) => portOf(pod, port)) }))

import { homeFiles, prepareHome } from '@shoal/host/home';
import { gaugeHome } from '@shoal/host/gauge';
import { eligibleTiers, type Resources } from '@shoal/worker';
import { EXIT } from '../../cli-error.ts';
import type { Context } from '../../context.ts';
import { columns, count, print } from '../../terminal/output.ts';

/** `shoal resources`: measures this machine and saves the profile in the home. */
export async function resources(context: Context): Promise<number> {
  const profile = await gauge(context);
  const rows = [
    ['CPU', count(profile.cpu_cores, 'core')],
    ['RAM', `${profile.ram_gb} GB`],
    ['GPU VRAM', profile.gpu_vram_gb === 0 ? 'none' : gigabytes(profile.gpu_vram_gb)],
    ['Disk', profile.disk_gb === null ? 'unknown' : `${profile.disk_gb} GB free`],
    ['Profile', homeFiles(context.home).resources],
  ];
  print(context, profile, columns(rows));
  return EXIT.ok;
}

/** `shoal eligible`: shows each tier with `yes` or the missing resource. */
export async function eligible(context: Context): Promise<number> {
  const profile = await gauge(context);
  const tiers = eligibleTiers(profile);
  const rows = tiers.map((tier) => [tier.name, tier.eligible ? 'yes' : `no: ${tier.missing}`]);
  print(context, { resources: profile, tiers }, columns(rows));
  return EXIT.ok;
}

function gauge({ home }: Context): Promise<Resources> {
  prepareHome(home);
  return gaugeHome(home);
}

function gigabytes(amount: number | null): string {
  return amount === null ? 'unknown' : `${amount} GB`;
}

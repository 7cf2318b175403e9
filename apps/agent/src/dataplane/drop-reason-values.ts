/** The enumeration of drop reasons of the running kernel, from its BTF. */
import { BtfView } from "@millrace/native/native";

export function dropReasonValues(): { name: string; value: bigint }[] {
  const btf = BtfView.vmlinux();
  try {
    return btf.enumValues("skb_drop_reason") ?? [];
  } finally {
    btf.close();
  }
}

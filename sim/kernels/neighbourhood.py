"""What citizens see of others: their own community near by, and kin in other states."""

from sim.kernels.compiling import inner_kernel, kernel


@kernel
def weighted_row(start, index, weight, values, row):
    """Sum of weight x value over one row of a CSR table, in the table's order."""
    total = 0.0
    for k in range(start[row], start[row + 1]):
        total += weight[k] * values[index[k]]
    return total


@inner_kernel
def group_shares(geography, active_share, out):
    """Turn-out per resident of each group (a community in a state), from that of its cells."""
    group, people = geography.cell_group, geography.cell_people
    out[:] = 0.0
    for c in range(active_share.size):
        out[group[c]] += active_share[c] * people[c]
    for g in range(out.size):
        out[g] = out[g] / geography.group_people[g]

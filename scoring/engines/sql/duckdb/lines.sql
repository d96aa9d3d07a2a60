-- Lines: current activity summed per subject, month and key, then one exact multiplication per gas, part and basis.
-- line_ug = sign(Q) * (|Q| // 10^6 * f + (|Q| % 10^6 * f + 500000) // 10^6), rounded half away from zero, 0 <= f <= 9.22e12.
-- NULL where the sum of sizes is 2^63 or more, or the sum is more than most_micro, the largest of which every gas and the total
-- stay below 2^63: no product is formed before it is known to fit. Whoever reads it refuses the line by name.
-- q = (q // 2^32) * 2^32 + q % 2^32 whichever way an engine rounds; sums of the halves stay in 64 bits for 2^31 rows.
WITH halves AS (
    SELECT
        subject_id,
        month_ym,
        key_id,
        CAST(SUM(quantity_micro // 4294967296) AS BIGINT) AS high,
        CAST(SUM(quantity_micro % 4294967296) AS BIGINT) AS low,
        CAST(SUM(CASE WHEN quantity_micro < 0 THEN -(quantity_micro // 4294967296) ELSE quantity_micro // 4294967296 END) AS BIGINT) AS size_high,
        CAST(SUM(CASE WHEN quantity_micro < 0 THEN -(quantity_micro % 4294967296) ELSE quantity_micro % 4294967296 END) AS BIGINT) AS size_low
    FROM activity
    WHERE is_current
    GROUP BY subject_id, month_ym, key_id
), summed AS (
    SELECT
        subject_id,
        month_ym,
        key_id,
        CASE WHEN size_high + size_low // 4294967296 < 2147483648 THEN high * 4294967296 + low END AS quantity_micro
    FROM halves
), terms AS (
    SELECT
        subject_id,
        month_ym,
        key_id,
        quantity_micro,
        CASE WHEN quantity_micro < 0 THEN -quantity_micro ELSE quantity_micro END AS size_micro,
        CASE WHEN quantity_micro < 0 THEN -quantity_micro ELSE quantity_micro END // 1000000 AS whole,
        CASE WHEN quantity_micro < 0 THEN -quantity_micro ELSE quantity_micro END % 1000000 AS rest
    FROM summed
), sizes AS (
    SELECT
        terms.subject_id,
        terms.month_ym,
        terms.key_id,
        factor.part,
        factor.basis,
        terms.quantity_micro,
        CASE
            WHEN terms.size_micro <= factor.most_micro
            THEN CASE WHEN factor.co2_ug = 0 THEN 0 ELSE terms.whole * factor.co2_ug + (terms.rest * factor.co2_ug + 500000) // 1000000 END
        END AS co2_size_ug,
        CASE
            WHEN terms.size_micro <= factor.most_micro
            THEN CASE WHEN factor.ch4_ug = 0 THEN 0 ELSE terms.whole * factor.ch4_ug + (terms.rest * factor.ch4_ug + 500000) // 1000000 END
        END AS ch4_size_ug,
        CASE
            WHEN terms.size_micro <= factor.most_micro
            THEN CASE WHEN factor.n2o_ug = 0 THEN 0 ELSE terms.whole * factor.n2o_ug + (terms.rest * factor.n2o_ug + 500000) // 1000000 END
        END AS n2o_size_ug,
        CASE
            WHEN terms.size_micro <= factor.most_micro
            THEN CASE WHEN factor.unsplit_ug = 0 THEN 0 ELSE terms.whole * factor.unsplit_ug + (terms.rest * factor.unsplit_ug + 500000) // 1000000 END
        END AS unsplit_size_ug,
        CASE
            WHEN terms.size_micro <= factor.most_micro
            THEN CASE WHEN factor.biogenic_co2_ug = 0 THEN 0 ELSE terms.whole * factor.biogenic_co2_ug + (terms.rest * factor.biogenic_co2_ug + 500000) // 1000000 END
        END AS biogenic_co2_size_ug
    FROM terms
    INNER JOIN factor ON factor.key_id = terms.key_id
)
SELECT
    subject_id,
    month_ym,
    key_id,
    part,
    basis,
    quantity_micro,
    CASE WHEN quantity_micro < 0 THEN -co2_size_ug ELSE co2_size_ug END AS co2_ug,
    CASE WHEN quantity_micro < 0 THEN -ch4_size_ug ELSE ch4_size_ug END AS ch4_ug,
    CASE WHEN quantity_micro < 0 THEN -n2o_size_ug ELSE n2o_size_ug END AS n2o_ug,
    CASE WHEN quantity_micro < 0 THEN -unsplit_size_ug ELSE unsplit_size_ug END AS unsplit_ug,
    CASE WHEN quantity_micro < 0 THEN -biogenic_co2_size_ug ELSE biogenic_co2_size_ug END AS biogenic_co2_ug,
    CASE
        WHEN quantity_micro < 0
        THEN -(co2_size_ug + ch4_size_ug + n2o_size_ug + unsplit_size_ug)
        ELSE co2_size_ug + ch4_size_ug + n2o_size_ug + unsplit_size_ug
    END AS total_ug
FROM sizes

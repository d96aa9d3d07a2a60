-- Lines: current activity summed per subject, month and key, then one exact multiplication per gas and basis.
-- line_ug = sign(Q) * (|Q| // 10^6 * f + (|Q| % 10^6 * f + 500000) // 10^6), rounded half away from zero, 0 <= f <= 9.22e12.
-- NULL where the sum of sizes, a gas or the total is 2^63 or more; no product is formed before it is known to fit.
SELECT
    subject_id,
    month_ym,
    key_id,
    basis,
    quantity_micro,
    CASE WHEN quantity_micro < 0 THEN -co2_size_ug ELSE co2_size_ug END AS co2_ug,
    CASE WHEN quantity_micro < 0 THEN -ch4_size_ug ELSE ch4_size_ug END AS ch4_ug,
    CASE WHEN quantity_micro < 0 THEN -n2o_size_ug ELSE n2o_size_ug END AS n2o_ug,
    CASE WHEN quantity_micro < 0 THEN -unsplit_size_ug ELSE unsplit_size_ug END AS unsplit_ug,
    CASE
        WHEN co2_size_ug <= 9223372036854775807 - ch4_size_ug
            AND n2o_size_ug <= 9223372036854775807 - unsplit_size_ug
        THEN CASE
            WHEN co2_size_ug + ch4_size_ug <= 9223372036854775807 - (n2o_size_ug + unsplit_size_ug)
            THEN CASE
                WHEN quantity_micro < 0
                THEN -(co2_size_ug + ch4_size_ug + n2o_size_ug + unsplit_size_ug)
                ELSE co2_size_ug + ch4_size_ug + n2o_size_ug + unsplit_size_ug
            END
        END
    END AS total_ug
FROM (
    SELECT
        subject_id,
        month_ym,
        key_id,
        basis,
        quantity_micro,
        CASE
            WHEN co2_factor_ug = 0 THEN 0
            WHEN whole <= (9223372036854775807 - co2_part_ug) // co2_factor_ug THEN whole * co2_factor_ug + co2_part_ug
        END AS co2_size_ug,
        CASE
            WHEN ch4_factor_ug = 0 THEN 0
            WHEN whole <= (9223372036854775807 - ch4_part_ug) // ch4_factor_ug THEN whole * ch4_factor_ug + ch4_part_ug
        END AS ch4_size_ug,
        CASE
            WHEN n2o_factor_ug = 0 THEN 0
            WHEN whole <= (9223372036854775807 - n2o_part_ug) // n2o_factor_ug THEN whole * n2o_factor_ug + n2o_part_ug
        END AS n2o_size_ug,
        CASE
            WHEN unsplit_factor_ug = 0 THEN 0
            WHEN whole <= (9223372036854775807 - unsplit_part_ug) // unsplit_factor_ug THEN whole * unsplit_factor_ug + unsplit_part_ug
        END AS unsplit_size_ug
    FROM (
        SELECT
            summed.subject_id,
            summed.month_ym,
            summed.key_id,
            factor.basis,
            summed.quantity_micro,
            summed.size_micro // 1000000 AS whole,
            factor.co2_ug AS co2_factor_ug,
            factor.ch4_ug AS ch4_factor_ug,
            factor.n2o_ug AS n2o_factor_ug,
            factor.unsplit_ug AS unsplit_factor_ug,
            (summed.size_micro % 1000000 * factor.co2_ug + 500000) // 1000000 AS co2_part_ug,
            (summed.size_micro % 1000000 * factor.ch4_ug + 500000) // 1000000 AS ch4_part_ug,
            (summed.size_micro % 1000000 * factor.n2o_ug + 500000) // 1000000 AS n2o_part_ug,
            (summed.size_micro % 1000000 * factor.unsplit_ug + 500000) // 1000000 AS unsplit_part_ug
        FROM (
            SELECT
                subject_id,
                month_ym,
                key_id,
                high * 4294967296 + low AS quantity_micro,
                CASE WHEN high * 4294967296 + low < 0 THEN -(high * 4294967296 + low) ELSE high * 4294967296 + low END AS size_micro
            FROM (
                SELECT
                    subject_id,
                    month_ym,
                    key_id,
                    CASE WHEN size_high + size_low // 4294967296 < 2147483648 THEN high END AS high,
                    CASE WHEN size_high + size_low // 4294967296 < 2147483648 THEN low END AS low
                FROM (
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
                ) AS halves
            ) AS guarded
        ) AS summed
        INNER JOIN factor ON factor.key_id = summed.key_id
    ) AS terms
) AS sizes
ORDER BY subject_id, month_ym, key_id, basis

-- Lines: current activity summed per subject, month and key, then one exact multiplication per gas, part and basis.
-- line_ug = sign(Q) * (|Q| // 10^6 * f + (|Q| % 10^6 * f + 500000) // 10^6), rounded half away from zero, 0 <= f <= 9.22e12.
-- NULL where the sum of sizes, a gas or the total is 2^63 or more; no product is formed before it is known to fit.
-- MATERIALIZED: SQLite would otherwise put every expression into every place that uses it, and compute it there again.
WITH halves AS MATERIALIZED (
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
), summed AS MATERIALIZED (
    SELECT
        subject_id,
        month_ym,
        key_id,
        CASE WHEN size_high + size_low // 4294967296 < 2147483648 THEN high * 4294967296 + low END AS quantity_micro
    FROM halves
), terms AS MATERIALIZED (
    SELECT
        summed.subject_id,
        summed.month_ym,
        summed.key_id,
        factor.part,
        factor.basis,
        summed.quantity_micro,
        CASE WHEN summed.quantity_micro < 0 THEN -summed.quantity_micro ELSE summed.quantity_micro END // 1000000 AS whole,
        CASE WHEN summed.quantity_micro < 0 THEN -summed.quantity_micro ELSE summed.quantity_micro END % 1000000 AS rest,
        factor.co2_ug AS co2_factor_ug,
        factor.ch4_ug AS ch4_factor_ug,
        factor.n2o_ug AS n2o_factor_ug,
        factor.unsplit_ug AS unsplit_factor_ug
    FROM summed
    INNER JOIN factor ON factor.key_id = summed.key_id
), sizes AS MATERIALIZED (
    SELECT
        subject_id,
        month_ym,
        key_id,
        part,
        basis,
        quantity_micro,
        CASE
            WHEN co2_factor_ug = 0 THEN 0
            WHEN whole <= (9223372036854775807 - (rest * co2_factor_ug + 500000) // 1000000) // co2_factor_ug
            THEN whole * co2_factor_ug + (rest * co2_factor_ug + 500000) // 1000000
        END AS co2_size_ug,
        CASE
            WHEN ch4_factor_ug = 0 THEN 0
            WHEN whole <= (9223372036854775807 - (rest * ch4_factor_ug + 500000) // 1000000) // ch4_factor_ug
            THEN whole * ch4_factor_ug + (rest * ch4_factor_ug + 500000) // 1000000
        END AS ch4_size_ug,
        CASE
            WHEN n2o_factor_ug = 0 THEN 0
            WHEN whole <= (9223372036854775807 - (rest * n2o_factor_ug + 500000) // 1000000) // n2o_factor_ug
            THEN whole * n2o_factor_ug + (rest * n2o_factor_ug + 500000) // 1000000
        END AS n2o_size_ug,
        CASE
            WHEN unsplit_factor_ug = 0 THEN 0
            WHEN whole <= (9223372036854775807 - (rest * unsplit_factor_ug + 500000) // 1000000) // unsplit_factor_ug
            THEN whole * unsplit_factor_ug + (rest * unsplit_factor_ug + 500000) // 1000000
        END AS unsplit_size_ug
    FROM terms
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
FROM sizes
ORDER BY subject_id, month_ym, key_id, part, basis
